#include "tests/vm/bars.h"

#include <math.h>

void bars_mean(const struct picture *p, int x, int y, int width, int height, double yuv[3])
{
	for (int i = 0; i < 3; i++) {
		int shift = i > 0;
		double sum = 0;
		for (int row = y >> shift; row < (y + height) >> shift; row++)
			for (int column = x >> shift; column < (x + width) >> shift; column++)
				sum += p->planes[i][row * p->strides[i] + column];
		yuv[i] = sum / ((width >> shift) * (height >> shift));
	}
}

int bars_right(const struct picture *p)
{
	static const double colours[8][2] = { { 128, 128 }, { 44, 142 }, { 156, 44 }, { 72, 58 },
					      { 184, 198 }, { 100, 212 }, { 212, 114 }, { 128, 128 } };
	double last = 256;
	int right = 0;
	for (int i = 0; i < 8; i++) {
		double yuv[3];
		int width = p->width / 8;
		bars_mean(p, i * width + width / 4, p->height * 3 / 4, width / 2, p->height / 8, yuv);
		right += fabs(yuv[1] - colours[i][0]) < 25 && fabs(yuv[2] - colours[i][1]) < 25 && yuv[0] < last;
		last = yuv[0] + 4;
	}
	return right;
}
