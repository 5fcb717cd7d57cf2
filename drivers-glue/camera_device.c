#include "drivers-glue/camera_device.h"

#include <errno.h>
#include <fcntl.h>
#include <libv4l2.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

int camera_ioctl(const struct camera_device *device, unsigned long request, void *argument)
{
	int r;
	do
		r = device->converts ? v4l2_ioctl(device->fd, request, argument)
				     : ioctl(device->fd, request, argument);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

void *camera_mmap(const struct camera_device *device, size_t bytes, off_t offset)
{
	return device->converts
		       ? v4l2_mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, device->fd, offset)
		       : mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, device->fd, offset);
}

void camera_munmap(void *at, size_t bytes, bool converts)
{
	if (converts)
		v4l2_munmap(at, bytes);
	else
		munmap(at, bytes);
}

static void sysfs_word(dev_t node, const char *file, char word[5])
{
	char path[96], text[16];
	word[0] = '\0';
	snprintf(path, sizeof(path), "/sys/dev/char/%u:%u/device/../%s", major(node), minor(node), file);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text)) : -1;
	if (n == 5 && text[4] == '\n') {
		memcpy(word, text, 4);
		word[4] = '\0';
	}
	if (fd >= 0)
		close(fd);
}

void camera_usb_id(dev_t node, char usb[10])
{
	char vendor[5], product[5];
	sysfs_word(node, "idVendor", vendor);
	sysfs_word(node, "idProduct", product);
	usb[0] = '\0';
	if (vendor[0] && product[0])
		snprintf(usb, 10, "%s:%s", vendor, product);
}

static int identify(struct camera_device *device)
{
	struct v4l2_capability can = { 0 };
	struct stat st;
	int r = fstat(device->fd, &st) < 0 ? -errno : 0;
	if (r == 0 && !S_ISCHR(st.st_mode))
		r = -ENOTTY;
	if (r == 0)
		r = camera_ioctl(device, VIDIOC_QUERYCAP, &can);
	if (r < 0)
		return r == -EINVAL ? -ENOTTY : r;
	uint32_t caps = can.capabilities & V4L2_CAP_DEVICE_CAPS ? can.device_caps : can.capabilities;
	memcpy(device->driver, can.driver, sizeof(device->driver) - 1);
	memcpy(device->card, can.card, sizeof(device->card) - 1);
	camera_usb_id(st.st_rdev, device->usb);
	device->multi = !(caps & V4L2_CAP_VIDEO_CAPTURE);
	device->type = device->multi ? V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE : V4L2_BUF_TYPE_VIDEO_CAPTURE;
	bool captures = caps & (V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_VIDEO_CAPTURE_MPLANE);
	return captures && caps & V4L2_CAP_STREAMING ? 0 : -ENOTTY;
}

/* The input that is chosen; false when the device has no inputs. */
static bool input_of(const struct camera_device *device, struct v4l2_input *ret_input)
{
	int index = 0;
	if (camera_ioctl(device, VIDIOC_G_INPUT, &index) < 0)
		return false;
	*ret_input = (struct v4l2_input){ .index = (uint32_t)index };
	return camera_ioctl(device, VIDIOC_ENUMINPUT, ret_input) == 0;
}

int camera_device_open(struct camera_device *device, const char *node, const struct quirks *quirks)
{
	struct v4l2_input input;
	*device = (struct camera_device){ .fd = open(node, O_RDWR | O_NONBLOCK | O_CLOEXEC) };
	if (device->fd < 0)
		return -errno;
	int r = identify(device);
	if (r < 0)
		return r;
	const struct camera_names names = { device->driver, device->card, device->usb };
	quirks_find(quirks, &names, &device->quirk);
	device->has_timings = input_of(device, &input) && input.capabilities & V4L2_IN_CAP_DV_TIMINGS;
	if (device->has_timings) {
		struct v4l2_event_subscription change = { .type = V4L2_EVENT_SOURCE_CHANGE,
							  .id = input.index };
		camera_ioctl(device, VIDIOC_SUBSCRIBE_EVENT, &change); /* without it the size is looked at only
									  when pictures stay away */
	}
	if (device->quirk.convert)
		camera_device_convert(device);
	return camera_device_signal(device);
}

void camera_device_close(struct camera_device *device)
{
	if (device->fd >= 0 && device->converts)
		v4l2_close(device->fd);
	else if (device->fd >= 0)
		close(device->fd);
	device->fd = -1;
	quirk_clear(&device->quirk);
}

int camera_device_convert(struct camera_device *device)
{
	v4l2_log_file = NULL;
	if (v4l2_fd_open(device->fd, 0) < 0)
		return -errno;
	device->converts = true;
	return 0;
}

int camera_device_signal(const struct camera_device *device)
{
	struct v4l2_input input;
	if (!device->has_timings || !input_of(device, &input))
		return 0;
	return input.status & (V4L2_IN_ST_NO_POWER | V4L2_IN_ST_NO_SIGNAL | V4L2_IN_ST_NO_SYNC) ? -ENOLINK : 0;
}

int camera_device_take_timings(const struct camera_device *device)
{
	struct v4l2_dv_timings timings = { 0 };
	if (!device->has_timings)
		return 0;
	int r = camera_ioctl(device, VIDIOC_QUERY_DV_TIMINGS, &timings);
	if (r == 0)
		r = camera_ioctl(device, VIDIOC_S_DV_TIMINGS, &timings);
	return r == -ENOLINK || r == -ENOLCK || r == -ERANGE ? -ENOLINK : 0;
}

int camera_device_events(const struct camera_device *device)
{
	int changed = 0;
	for (int i = 0; i < 32; i++) {
		struct v4l2_event event = { 0 };
		int r = camera_ioctl(device, VIDIOC_DQEVENT, &event);
		if (r < 0)
			return r == -ENODEV ? r : changed;
		if (event.type == V4L2_EVENT_SOURCE_CHANGE &&
		    event.u.src_change.changes & V4L2_EVENT_SRC_CH_RESOLUTION)
			changed = 1;
	}
	return changed;
}
