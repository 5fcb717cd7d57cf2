/* callbox-fetch: gets one URL and prints what it holds: the token service's answer. A program of its own, so that
 * callboxd itself speaks to no network. Started by callboxd: callbox-fetch URL */
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#define ANSWER_BYTES 16384
#define LIMIT_S 4L

struct answer {
	char text[ANSWER_BYTES];
	size_t bytes;
};

static size_t on_data(char *data, size_t size, size_t count, void *user)
{
	struct answer *answer = user;
	size_t bytes = size * count;
	if (bytes > sizeof(answer->text) - answer->bytes)
		return 0; /* too long: curl says so */
	memcpy(answer->text + answer->bytes, data, bytes);
	answer->bytes += bytes;
	return bytes;
}

int main(int argc, char **argv)
{
	static struct answer answer;
	char why[CURL_ERROR_SIZE] = "";
	if (argc != 2) {
		fputs("usage: callbox-fetch URL\n", stderr);
		return 64;
	}
	curl_global_init(CURL_GLOBAL_DEFAULT);
	CURL *curl = curl_easy_init();
	curl_easy_setopt(curl, CURLOPT_URL, argv[1]);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, LIMIT_S);
	curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
	CURLcode r = curl_easy_perform(curl);
	curl_easy_cleanup(curl);
	curl_global_cleanup();
	if (r != CURLE_OK) {
		printf("%s", why[0] ? why : curl_easy_strerror(r));
		return 1;
	}
	return fwrite(answer.text, 1, answer.bytes, stdout) == answer.bytes ? 0 : 1;
}
