/* Views: what setupLocalView and setupRemoteView put into an element of the page. The element's own content stays; one
 * child is added, which fills it. data-picture of the element is "yes" while there is a picture. */

const STYLE = "position:absolute;inset:0;width:100%;height:100%;object-fit:cover;background:transparent;";

function mark(child, on) {
	if (child.parentElement) child.parentElement.dataset.picture = on ? "yes" : "no";
}

function remove(child) {
	mark(child, false);
	child.remove();
}

function place(element, child) {
	if (getComputedStyle(element).position === "static") element.style.position = "relative";
	element.appendChild(child);
}

/* A stream of the browser. */
export class ElementView {
	constructor({ mirrored = false }) {
		this.mirrored = mirrored;
		this.stream = null;
		this.video = null;
	}

	attach(element) {
		this.detach();
		if (!element) return;
		this.video = document.createElement("video");
		Object.assign(this.video, {
			autoplay: true,
			playsInline: true,
			muted: true,
		}); /* sound has its own way out */
		this.video.style.cssText = STYLE + (this.mirrored ? "transform:scaleX(-1);" : "");
		this.video.onresize = ({ target }) => mark(target, target.videoWidth > 2);
		place(element, this.video);
		this.show(this.stream);
	}

	detach() {
		if (this.video) remove(this.video);
		this.video = null;
	}

	show(stream) {
		this.stream = stream;
		if (!this.video) return;
		this.video.srcObject = stream;
		this.video.style.visibility = stream ? "visible" : "hidden";
		if (!stream) mark(this.video, false);
		if (stream) this.video.play().catch(() => {}); /* an element that is taken away meanwhile */
	}
}

const PICTURE_MS = 200,
	RETRY_MS = 600;

/* A view of a box, picture by picture. fetch() gives a Blob, or throws while there is none. */
export class PictureView {
	constructor(fetch) {
		this.fetch = fetch;
		this.canvas = null;
	}

	attach(element) {
		this.detach();
		if (!element) return;
		this.canvas = document.createElement("canvas");
		this.canvas.style.cssText = `${STYLE}visibility:hidden;`;
		place(element, this.canvas);
		this.run(this.canvas);
	}

	detach() {
		if (this.canvas) remove(this.canvas);
		this.canvas = null;
	}

	/* One picture is under way at most: who is slow sees fewer. Ends when the element is taken from the page. */
	async run(canvas) {
		while (this.canvas === canvas) {
			const began = performance.now();
			const good = canvas.isConnected && (await this.draw(canvas));
			const pause = good ? PICTURE_MS - (performance.now() - began) : RETRY_MS;
			await new Promise((resolve) => setTimeout(resolve, Math.max(pause, 20)));
		}
	}

	async draw(canvas) {
		try {
			const picture = await createImageBitmap(await this.fetch());
			if (canvas.width !== picture.width || canvas.height !== picture.height)
				Object.assign(canvas, { width: picture.width, height: picture.height });
			canvas.getContext("2d").drawImage(picture, 0, 0);
			picture.close();
			canvas.style.visibility = "visible";
			mark(canvas, true);
			return true;
		} catch {
			canvas.style.visibility = "hidden";
			mark(canvas, false);
			return false;
		}
	}
}
