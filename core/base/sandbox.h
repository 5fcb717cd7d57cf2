/* sandbox: what a process gives away before it reads a foreign byte: no new privileges, no core dump of
 * secrets, no system calls that no part of callbox needs (a filter that kills). Irreversible; called once,
 * by main(), before threads start. CALLBOX_SANDBOX=off leaves the filter out (debuggers, sanitizers). */
#ifndef CALLBOX_BASE_SANDBOX_H
#define CALLBOX_BASE_SANDBOX_H

enum sandbox_role {
	SANDBOX_PROVIDER, /* network, plugins already loaded; no devices, no exec */
	SANDBOX_MEDIA,	  /* UDP and sound card; no exec */
	SANDBOX_PANEL,	  /* one TCP port, the control socket; no exec */
	SANDBOX_VIDEO,	  /* camera, GPU, display; tones; mixer and keys: no network at all, no exec */
	SANDBOX_HUB,	  /* one TCP port, its database; no exec */
	SANDBOX_SCREEN,	  /* display, CEC; no network at all, no exec */
};

/* 0 or -errno; -EOPNOTSUPP when the kernel has no seccomp (then only the rest is done). */
int sandbox_enter(enum sandbox_role role);

#endif
