/* qmp SOCKET COMMAND [ARGUMENTS]: one command to a running QEMU, the arguments as a JSON object; prints the answer.
 * Code 1: QEMU refused it, or is gone. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static FILE *stream;

/* The next answer, events left out; 0 when it is a good one. */
static int answer(int print)
{
	char line[65536];
	while (fgets(line, sizeof(line), stream)) {
		if (strncmp(line, "{\"return\"", 9) != 0 && strncmp(line, "{\"error\"", 8) != 0)
			continue;
		if (print)
			fputs(line, stdout);
		return line[2] != 'r';
	}
	return 1;
}

int main(int argc, char **argv)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	if (argc < 3 || strlen(argv[1]) >= sizeof(address.sun_path))
		return 64;
	strcpy(address.sun_path, argv[1]);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		perror(argv[1]);
		return 1;
	}
	stream = fdopen(dup(fd), "r");
	dprintf(fd, "{\"execute\": \"qmp_capabilities\"}\n");
	if (!stream || answer(0))
		return 1;
	dprintf(fd, "{\"execute\": \"%s\", \"arguments\": %s}\n", argv[2], argc > 3 ? argv[3] : "{}");
	return answer(1);
}
