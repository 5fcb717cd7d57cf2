/* ctl: what the files of callboxctl share. */
#ifndef CALLBOX_CTL_CTL_H
#define CALLBOX_CTL_CTL_H

enum exit_code {
	EXIT_REFUSED = 1, EXIT_NO_BOX = 2, EXIT_REJECTED = 3, EXIT_TIMED_OUT = 4, EXIT_BUSY = 5, EXIT_FAILED = 6,
	EXIT_USAGE = 64,
};

/* Prints one line a finding about camera, sound, GPU and network; returns the number of things that are
 * wrong, as opposed to merely absent. */
int doctor_machine(void);

#endif
