#include "core/devices/jpeg.h"

#include <errno.h>
#include <stdlib.h>
#include <turbojpeg.h>

struct jpeg_writer {
	tjhandle handle;
	struct picture full; /* the picture in full range */
	unsigned char *bytes;
	unsigned long size; /* of the memory */
	uint8_t luma[256], chroma[256]; /* video range → full range */
};

static uint8_t clamp(double value)
{
	return value < 0 ? 0 : value > 255 ? 255 : (uint8_t)(value + 0.5);
}

struct jpeg_writer *jpeg_writer_new(void)
{
	struct jpeg_writer *writer = calloc(1, sizeof(*writer));
	if (!writer)
		return NULL;
	writer->handle = tjInitCompress();
	if (!writer->handle) {
		free(writer);
		return NULL;
	}
	for (int i = 0; i < 256; i++) {
		writer->luma[i] = clamp((i - 16) * 255.0 / 219);
		writer->chroma[i] = clamp((i - 128) * 255.0 / 224 + 128);
	}
	return writer;
}

void jpeg_writer_free(struct jpeg_writer *writer)
{
	if (!writer)
		return;
	tjDestroy(writer->handle);
	picture_finish(&writer->full);
	tjFree(writer->bytes);
	free(writer);
}

static void widen(const uint8_t table[256], const uint8_t *from, int from_stride, uint8_t *to, int to_stride, int width,
		  int height)
{
	for (int y = 0; y < height; y++, from += from_stride, to += to_stride)
		for (int x = 0; x < width; x++)
			to[x] = table[from[x]];
}

static int full_range(struct jpeg_writer *writer, const struct picture *p)
{
	struct picture *full = &writer->full;
	if (full->width != p->width || full->height != p->height) {
		picture_finish(full);
		*full = (struct picture){ 0 };
		int r = picture_init(full, p->width, p->height);
		if (r < 0)
			return r;
	}
	widen(writer->luma, p->planes[0], p->strides[0], full->planes[0], full->strides[0], p->width, p->height);
	for (int i = 1; i < 3; i++)
		widen(writer->chroma, p->planes[i], p->strides[i], full->planes[i], full->strides[i], p->width / 2,
		      p->height / 2);
	return 0;
}

int jpeg_write(struct jpeg_writer *writer, const struct picture *picture, int quality, const unsigned char **ret_bytes,
	       size_t *ret_size)
{
	int r = full_range(writer, picture);
	if (r < 0)
		return r;
	struct picture *full = &writer->full;
	unsigned long most = tjBufSize(full->width, full->height, TJSAMP_420), size;
	if (most > writer->size) {
		tjFree(writer->bytes);
		writer->size = 0;
		writer->bytes = tjAlloc((int)most);
		if (!writer->bytes)
			return -ENOMEM;
		writer->size = most;
	}
	size = writer->size;
	if (tjCompressFromYUVPlanes(writer->handle, (const unsigned char **)full->planes, full->width, full->strides,
				    full->height, TJSAMP_420, &writer->bytes, &size, quality, TJFLAG_NOREALLOC) < 0)
		return -EIO;
	*ret_bytes = writer->bytes;
	*ret_size = size;
	return 0;
}
