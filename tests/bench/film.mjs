/* film: the same source for everybody: a moving scene with camera noise, four seconds that begin again, as YUV4MPEG2
 * and as bare I420. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { built } from "./programs.mjs";

const SECONDS = 4;

/* In memory where there is room, so that nobody waits for a disk. */
export const workFolder = () => mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "callbox-bench-"));
export const workFolderRemove = (folder) => rmSync(folder, { recursive: true, force: true });

export function ffmpeg(...args) {
	return execFileSync("ffmpeg", ["-hide_banner", "-loglevel", "error", "-nostdin", ...args], {
		maxBuffer: 1 << 26,
		encoding: "utf8",
	});
}

/* marked: each picture bears its number, from 1 on. */
export async function filmMake(folder, width, height, fps, { marked = false } = {}) {
	const size = `${width}x${height}`,
		name = marked ? `${size}-marked` : size;
	const y4m = join(folder, `${name}.y4m`),
		raw = join(folder, `${name}.i420`);
	ffmpeg("-f", "lavfi", "-i", `testsrc2=s=${width}x${height}:r=${fps}:d=${SECONDS},gblur=sigma=1.5,noise=alls=3:allf=t`,
		"-pix_fmt", "yuv420p", "-y", y4m);
	ffmpeg("-i", y4m, "-f", "rawvideo", "-y", raw);
	if (marked) {
		execFileSync(built("marks"), ["stamp", size, raw]);
		ffmpeg(..."-f rawvideo -pix_fmt yuv420p -video_size".split(" "), size, "-framerate", `${fps}`, "-i", raw, "-y", y4m);
	}
	/* For who plays a film once: the same again and again, for ten minutes. */
	const list = join(folder, `${name}.ffconcat`);
	writeFileSync(list, `ffconcat version 1.0\n${`file ${basename(y4m)}\n`.repeat(600 / SECONDS)}`);
	return { y4m, raw, list, width, height, fps, pictures: SECONDS * fps, bytes: statSync(raw).size };
}
