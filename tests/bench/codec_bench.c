/* codec_bench: what a call costs at the very least: CPU time of an encoder and libavcodec on a film, and of Opus both
 * ways, as callbox sets them up, with nothing around them, each picture and each piece of sound in its time; and how good
 * the picture is that comes out.
 *
 * usage: codec_bench FILM.y4m KBPS FPS PICTURES [h264|vp8]       one line of JSON */
#include <glib.h>
#include <math.h>
#include <opus/opus.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "drivers-glue/drivers.h"

#define SOUND_RATE 48000
#define SOUND_FRAME 960 /* 20 ms */
#define SOUND_BPS 32000

struct coder {
	const char *name;
	const struct encoder_driver *encoder;
	const struct decoder_driver *decoder;
};

static const struct coder coders[] = {
	{ "h264", &encoder_openh264, &decoder_avcodec },
	{ "vp8", &encoder_vpx, &decoder_avcodec_vp8 },
};
static const struct coder *coder = &coders[0];

struct sound {
	OpusEncoder *encoder;
	OpusDecoder *decoder;
	opus_int16 tone[SOUND_FRAME]; /* nine waves */
	int frames; /* done */
};

struct sums {
	double encode_s, decode_s, opus_s; /* CPU */
	double error, samples, bytes;
	int shown, skipped;
};

static double cpu_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double error_of(struct frame *a, struct frame *b)
{
	double sum = 0;
	for (int y = 0; y < a->height; y++)
		for (int x = 0; x < a->width; x++) {
			int d = a->planes[0][y * a->strides[0] + x] - b->planes[0][y * b->strides[0] + x];
			sum += d * d;
		}
	return sum;
}

static void picture(struct encoder *encoder, struct decoder *decoder, struct frame *frame, struct sums *sums)
{
	struct encoded encoded;
	struct frame *out = NULL;
	double began = cpu_s();
	if (coder->encoder->encode(encoder, frame, sums->shown + sums->skipped == 0, &encoded) < 0)
		g_error("%s failed", coder->encoder->name);
	double middle = cpu_s();
	sums->encode_s += middle - began;
	sums->skipped += encoded.size == 0;
	if (encoded.size == 0)
		return;
	sums->bytes += (double)encoded.size;
	if (coder->decoder->decode(decoder, encoded.bytes, encoded.size, &out) < 0 || frame_map(out) < 0)
		g_error("%s failed", coder->decoder->name);
	sums->decode_s += cpu_s() - middle;
	sums->shown++;
	sums->error += error_of(frame, out);
	sums->samples += (double)frame->width * frame->height;
	frame_release(out);
}

static void sound_open(struct sound *sound)
{
	int error;
	sound->encoder = opus_encoder_create(SOUND_RATE, 1, OPUS_APPLICATION_VOIP, &error);
	sound->decoder = opus_decoder_create(SOUND_RATE, 1, &error);
	opus_encoder_ctl(sound->encoder, OPUS_SET_BITRATE(SOUND_BPS));
	opus_encoder_ctl(sound->encoder, OPUS_SET_INBAND_FEC(1));
	for (int i = 0; i < SOUND_FRAME; i++)
		sound->tone[i] = (opus_int16)(8000 * sin(2 * G_PI * 9 * i / SOUND_FRAME));
}

/* Up to this time of the film. */
static void sound_go_on(struct sound *sound, double until_s, struct sums *sums)
{
	opus_int16 out[SOUND_FRAME];
	unsigned char packet[1500];
	double began = cpu_s();
	for (; (sound->frames + 1) * (double)SOUND_FRAME / SOUND_RATE <= until_s; sound->frames++) {
		int bytes = opus_encode(sound->encoder, sound->tone, SOUND_FRAME, packet, sizeof(packet));
		if (bytes < 0 || opus_decode(sound->decoder, packet, bytes, out, SOUND_FRAME, 0) < 0)
			g_error("Opus failed");
	}
	sums->opus_s += cpu_s() - began;
}

static void sound_close(struct sound *sound)
{
	opus_encoder_destroy(sound->encoder);
	opus_decoder_destroy(sound->decoder);
}

static void film_run(const char *film, int kbps, int fps, int count, struct sums *sums)
{
	struct camera *camera;
	struct encoder *encoder = NULL;
	struct decoder *decoder;
	struct sound voice = { 0 };
	struct frame *frame;
	char why[200] = "";
	const struct camera_wish wish = { .fps = fps };
	if (camera_file.open(film, &wish, &camera, why, sizeof(why)) < 0 ||
	    coder->decoder->open("", &decoder, why, sizeof(why)) < 0)
		g_error("%s", why);
	sound_open(&voice);
	for (int i = 0; i < count; i++, frame_release(frame)) {
		if (camera_file.next(camera, 1000, &frame) < 0)
			g_error("no picture");
		const struct encoder_wish as = { .width = frame->width, .height = frame->height, .fps = fps,
						 .bitrate_bps = kbps * 1000, .codec = coder->encoder->codec };
		if (!encoder && coder->encoder->open("", &as, &encoder, why, sizeof(why)) < 0)
			g_error("%s", why);
		frame->capture_us = (int64_t)i * 1000000 / fps;
		picture(encoder, decoder, frame, sums);
		sound_go_on(&voice, (double)(i + 1) / fps, sums);
	}
	sound_close(&voice);
	coder->encoder->close(encoder);
	coder->decoder->close(decoder);
	camera_file.close(camera);
}

int main(int argc, char **argv)
{
	struct sums sums = { 0 };
	for (size_t i = 0; argc == 6 && i < G_N_ELEMENTS(coders); i++)
		if (g_str_equal(coders[i].name, argv[5]))
			coder = &coders[i];
	if (argc < 5 || argc > 6 || (argc == 6 && !g_str_equal(coder->name, argv[5]))) {
		fputs("usage: codec_bench FILM.y4m KBPS FPS PICTURES [h264|vp8]\n", stderr);
		return 64;
	}
	int kbps = atoi(argv[2]), fps = atoi(argv[3]), count = atoi(argv[4]);
	double seconds = (double)count / fps;
	film_run(argv[1], kbps, fps, count, &sums);
	printf("{\"cpuPerMinute\":%.3f,\"encodeMs\":%.3f,\"decodeMs\":%.3f,\"opusPerMinute\":%.3f,\"kbps\":%.0f,"
	       "\"psnr\":%.2f,\"shown\":%d,\"skipped\":%d}\n",
	       (sums.encode_s + sums.decode_s + sums.opus_s) * 60 / seconds, sums.encode_s * 1000 / count,
	       sums.decode_s * 1000 / MAX(sums.shown, 1), sums.opus_s * 60 / seconds, sums.bytes * 8 / 1000 / seconds,
	       10 * log10(255.0 * 255 * sums.samples / MAX(sums.error, 1)), sums.shown, sums.skipped);
	return 0;
}
