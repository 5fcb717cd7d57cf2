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

const STANDS_MS = 3000; /* without a picture this long there is none: one that stands is sent again each second */

/* A view of a box: pictures are shown as they come, the newest when they come faster than they can be drawn.
 * wants(on): whether pictures are wanted. */
export class PushedView {
	constructor(wants) {
		this.wants = wants;
		this.canvas = null;
		this.next = null; /* Blob that waits for the one before */
		this.drawing = false;
	}

	attach(element) {
		this.remove();
		if (!element) {
			this.wants(false);
			return;
		}
		this.canvas = document.createElement("canvas");
		this.canvas.style.cssText = `${STYLE}visibility:hidden;`;
		place(element, this.canvas);
		this.wants(true);
	}

	detach() {
		this.attach(null);
	}

	remove() {
		clearTimeout(this.timer);
		this.next = null;
		if (this.canvas) remove(this.canvas);
		this.canvas = null;
	}

	/* bytes: a JPEG file; none: there is no picture now. */
	show(bytes) {
		clearTimeout(this.timer);
		this.next = bytes.length ? new Blob([bytes], { type: "image/jpeg" }) : null;
		if (!this.canvas) return;
		if (!this.canvas.isConnected) this.detach();
		else if (!this.next) this.hide();
		else {
			this.timer = setTimeout(() => this.hide(), STANDS_MS);
			if (!this.drawing) this.draw();
		}
	}

	hide() {
		if (!this.canvas) return;
		this.canvas.style.visibility = "hidden";
		mark(this.canvas, false);
	}

	async draw() {
		this.drawing = true;
		while (this.next) {
			const blob = this.next;
			this.next = null;
			try {
				const picture = await createImageBitmap(blob);
				if (this.canvas) this.paint(this.canvas, picture);
				picture.close();
			} catch (error) {
				console.warn(`callbox: a picture that is none: ${error.message}`);
			}
		}
		this.drawing = false;
	}

	paint(canvas, picture) {
		if (canvas.width !== picture.width || canvas.height !== picture.height)
			Object.assign(canvas, { width: picture.width, height: picture.height });
		canvas.getContext("2d").drawImage(picture, 0, 0);
		canvas.style.visibility = "visible";
		mark(canvas, true);
	}
}
