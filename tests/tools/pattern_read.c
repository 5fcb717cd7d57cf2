/* pattern-read FILE.png…: prints the frame number and the capture time that a test picture bears. */
#include <stdio.h>

#include "drivers-glue/pattern.h"
#include "drivers-glue/png.h"

int main(int argc, char **argv)
{
	int r = argc > 1 ? 0 : 64;
	for (int i = 1; i < argc; i++) {
		struct picture picture = { 0 };
		struct pattern_mark mark;
		if (png_load(argv[i], &picture) == 0 && pattern_read(&picture, &mark) == 0)
			printf("%s: frame %u, captured at %u ms\n", argv[i], mark.number, mark.time_ms);
		else
			r = fprintf(stderr, "%s: bears no intact mark\n", argv[i]) > 0;
		picture_finish(&picture);
	}
	return r;
}
