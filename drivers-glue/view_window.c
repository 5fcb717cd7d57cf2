/* view_window: a window on a desktop, through SDL2. */
#include "config.h"

#ifdef HAVE_SDL2
#include <SDL.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/devices/convert.h"
#include "drivers-glue/drivers.h"
#include "drivers-glue/library.h"

struct view {
	SDL_Window *window;
	SDL_Renderer *renderer;
	SDL_Texture *texture;
	struct converter *converter;
	int width, height;
};

static struct {
	LIBRARY_FUNCTION(SDL_CreateRenderer);
	LIBRARY_FUNCTION(SDL_CreateTexture);
	LIBRARY_FUNCTION(SDL_CreateWindow);
	LIBRARY_FUNCTION(SDL_DestroyRenderer);
	LIBRARY_FUNCTION(SDL_DestroyTexture);
	LIBRARY_FUNCTION(SDL_DestroyWindow);
	LIBRARY_FUNCTION(SDL_GetError);
	LIBRARY_FUNCTION(SDL_InitSubSystem);
	LIBRARY_FUNCTION(SDL_PollEvent);
	LIBRARY_FUNCTION(SDL_QuitSubSystem);
	LIBRARY_FUNCTION(SDL_RenderClear);
	LIBRARY_FUNCTION(SDL_RenderCopy);
	LIBRARY_FUNCTION(SDL_RenderPresent);
	LIBRARY_FUNCTION(SDL_RenderSetLogicalSize);
	LIBRARY_FUNCTION(SDL_SetHint);
	LIBRARY_FUNCTION(SDL_UpdateYUVTexture);
} sdl;

static const struct library_symbol symbols[] = {
	LIBRARY_SYMBOL(sdl, SDL_CreateRenderer),
	LIBRARY_SYMBOL(sdl, SDL_CreateTexture),
	LIBRARY_SYMBOL(sdl, SDL_CreateWindow),
	LIBRARY_SYMBOL(sdl, SDL_DestroyRenderer),
	LIBRARY_SYMBOL(sdl, SDL_DestroyTexture),
	LIBRARY_SYMBOL(sdl, SDL_DestroyWindow),
	LIBRARY_SYMBOL(sdl, SDL_GetError),
	LIBRARY_SYMBOL(sdl, SDL_InitSubSystem),
	LIBRARY_SYMBOL(sdl, SDL_PollEvent),
	LIBRARY_SYMBOL(sdl, SDL_QuitSubSystem),
	LIBRARY_SYMBOL(sdl, SDL_RenderClear),
	LIBRARY_SYMBOL(sdl, SDL_RenderCopy),
	LIBRARY_SYMBOL(sdl, SDL_RenderPresent),
	LIBRARY_SYMBOL(sdl, SDL_RenderSetLogicalSize),
	LIBRARY_SYMBOL(sdl, SDL_SetHint),
	LIBRARY_SYMBOL(sdl, SDL_UpdateYUVTexture),
	{ NULL, NULL },
};

static struct library library = LIBRARY("libSDL2-2.0.so.0", symbols);

static void window_close(struct view *view)
{
	if (view->texture)
		sdl.SDL_DestroyTexture(view->texture);
	if (view->renderer)
		sdl.SDL_DestroyRenderer(view->renderer);
	if (view->window)
		sdl.SDL_DestroyWindow(view->window);
	sdl.SDL_QuitSubSystem(SDL_INIT_VIDEO);
	converter_free(view->converter);
	free(view);
}

static int window_open(const char *address, struct view **ret_view, char *why, size_t why_bytes)
{
	int r = library_load(&library, why, why_bytes);
	if (r < 0)
		return r;
	struct view *view = calloc(1, sizeof(*view));
	if (!view)
		return -ENOMEM;
	sdl.SDL_SetHint(SDL_HINT_NO_SIGNAL_HANDLERS, "1");
	if (sdl.SDL_InitSubSystem(SDL_INIT_VIDEO) == 0)
		view->window = sdl.SDL_CreateWindow(address[0] ? address : "callbox", SDL_WINDOWPOS_CENTERED,
						SDL_WINDOWPOS_CENTERED, 960, 540, SDL_WINDOW_RESIZABLE);
	if (view->window)
		view->renderer = sdl.SDL_CreateRenderer(view->window, -1, 0);
	view->converter = converter_new();
	if (view->renderer && view->converter) {
		*ret_view = view;
		return 0;
	}
	snprintf(why, why_bytes, "view window: %s", sdl.SDL_GetError());
	window_close(view);
	return -ENODEV;
}

static int texture_fit(struct view *view, const struct frame *p)
{
	if (view->texture && view->width == p->width && view->height == p->height)
		return 0;
	if (view->texture)
		sdl.SDL_DestroyTexture(view->texture);
	view->texture = sdl.SDL_CreateTexture(view->renderer, SDL_PIXELFORMAT_IYUV, SDL_TEXTUREACCESS_STREAMING,
					  p->width, p->height);
	view->width = p->width;
	view->height = p->height;
	sdl.SDL_RenderSetLogicalSize(view->renderer, p->width, p->height);
	return view->texture ? 0 : -ENOMEM;
}

static void draw(struct view *view, const struct frame *p)
{
	sdl.SDL_UpdateYUVTexture(view->texture, NULL, p->planes[0], p->strides[0], p->planes[1], p->strides[1],
			     p->planes[2], p->strides[2]);
	sdl.SDL_RenderClear(view->renderer);
	sdl.SDL_RenderCopy(view->renderer, view->texture, NULL, NULL);
	sdl.SDL_RenderPresent(view->renderer);
	for (SDL_Event event; sdl.SDL_PollEvent(&event);)
		; /* the window belongs to the room: nothing is closed by its button */
}

static int window_show(struct view *view, struct frame *frame)
{
	struct frame *whole;
	int r = convert(view->converter, frame, frame->width, frame->height, &whole);
	if (r < 0)
		return r;
	r = texture_fit(view, whole);
	if (r == 0)
		draw(view, whole);
	frame_release(whole);
	return r;
}

const struct view_driver view_window = { .name = "window", .open = window_open, .show = window_show,
					 .close = window_close };
#endif
