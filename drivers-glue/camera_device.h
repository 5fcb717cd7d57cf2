/* camera_device: one open V4L2 node: what it is, and how to speak to it. Plain system calls; libv4l2 stands between
 * only when it converts. Owner: the capture thread; camera_ioctl() from any thread while the device is open. */
#ifndef CALLBOX_GLUE_CAMERA_DEVICE_H
#define CALLBOX_GLUE_CAMERA_DEVICE_H

#include <linux/videodev2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/devices/quirks.h"

struct camera_device {
	int fd;
	uint32_t type;	  /* V4L2_BUF_TYPE_VIDEO_CAPTURE… */
	bool multi;	  /* …_MPLANE: the multi-planar API */
	bool converts;	  /* by libv4l2 */
	bool has_timings; /* its input is a cable from a computer or the like, whose size it finds out */
	char driver[17], card[33], usb[10];
	struct quirk quirk;
};

/* -ENOTTY: no capture device; -ENOLINK: nothing comes over its cable. quirks may be NULL. After a failure
 * camera_device_close() must be called as well. */
int camera_device_open(struct camera_device *device, const char *node, const struct quirks *quirks);
void camera_device_close(struct camera_device *device);
/* From now on libv4l2 converts whatever the device offers to I420. */
int camera_device_convert(struct camera_device *device);

/* 0 or -errno. */
int camera_ioctl(const struct camera_device *device, unsigned long request, void *argument);
void *camera_mmap(const struct camera_device *device, size_t bytes, off_t offset);
/* Good after the device was closed, too; converts: as the device did when it was mapped. */
void camera_munmap(void *at, size_t bytes, bool converts);

/* 0, or -ENOLINK when the input has no signal; a device that cannot tell has one. */
int camera_device_signal(const struct camera_device *device);
/* Takes over the size and rate of what comes over the cable. 0 or -ENOLINK. */
int camera_device_take_timings(const struct camera_device *device);
/* Reads the device's events. 1: its picture's format has changed; 0: nothing of interest; -errno. */
int camera_device_events(const struct camera_device *device);

/* "046d:0825" of the USB device behind /sys/dev/char/MAJOR:MINOR, "" for others. */
void camera_usb_id(dev_t node, char usb[10]);

#endif
