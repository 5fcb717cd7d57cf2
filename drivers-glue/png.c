#include "drivers-glue/png.h"

#include <errno.h>
#include <libyuv.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int png_save(const char *file, const struct picture *p)
{
	char part[4096];
	if ((size_t)snprintf(part, sizeof(part), "%s.part%d", file, (int)getpid()) >= sizeof(part))
		return -ENAMETOOLONG;
	int stride = p->width * 3, r = 0;
	uint8_t *rgb = malloc((size_t)stride * (size_t)p->height);
	if (!rgb)
		return -ENOMEM;
	I420ToRAW(p->planes[0], p->strides[0], p->planes[1], p->strides[1], p->planes[2], p->strides[2], rgb,
		  stride, p->width, p->height);
	png_image image = { .version = PNG_IMAGE_VERSION, .width = (png_uint_32)p->width,
			    .height = (png_uint_32)p->height, .format = PNG_FORMAT_RGB,
			    .flags = PNG_IMAGE_FLAG_FAST };
	errno = 0;
	if (!png_image_write_to_file(&image, part, 0, rgb, stride, NULL))
		r = errno ? -errno : -EIO;
	else if (rename(part, file) < 0)
		r = -errno;
	free(rgb);
	if (r < 0)
		unlink(part);
	return r;
}

int png_load(const char *file, struct picture *ret_picture)
{
	png_image image = { .version = PNG_IMAGE_VERSION };
	errno = 0;
	if (!png_image_begin_read_from_file(&image, file))
		return errno ? -errno : -EBADMSG;
	image.format = PNG_FORMAT_RGB;
	int width = (int)image.width & ~1, height = (int)image.height & ~1;
	uint8_t *rgb = malloc(PNG_IMAGE_SIZE(image));
	picture_finish(ret_picture);
	int r = rgb ? picture_init(ret_picture, width, height) : -ENOMEM;
	if (r == 0 && !png_image_finish_read(&image, NULL, rgb, 0, NULL))
		r = -EBADMSG;
	if (r == 0)
		RAWToI420(rgb, (int)image.width * 3, ret_picture->planes[0], ret_picture->strides[0],
			  ret_picture->planes[1], ret_picture->strides[1], ret_picture->planes[2],
			  ret_picture->strides[2], width, height);
	png_image_free(&image);
	free(rgb);
	return r;
}
