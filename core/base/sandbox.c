#include "core/base/sandbox.h"

#include <errno.h>
#include <glib.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

/* System calls that kill in every role: nothing of ours needs them. */
static const char *const forbidden[] = {
	"execve", "execveat", "ptrace", "process_vm_readv", "process_vm_writev", "mount", "umount2",
	"pivot_root", "chroot", "setns", "unshare", "init_module", "finit_module", "delete_module",
	"kexec_load", "kexec_file_load", "reboot", "swapon", "swapoff", "acct", "settimeofday",
	"clock_settime", "adjtimex", "clock_adjtime", "sethostname", "setdomainname", "bpf",
	"perf_event_open", "userfaultfd", "keyctl", "add_key", "request_key", "open_by_handle_at",
	"name_to_handle_at", "quotactl", "nfsservctl", "setuid", "setgid", "setreuid", "setregid",
	"setresuid", "setresgid", "setgroups", "io_uring_setup", "fsopen", "fsmount", "move_mount",
	"open_tree", "mknod", "mknodat", "personality", "vhangup", "iopl", "ioperm", "syslog",
};

/* The pictures' process talks to us over inherited descriptors and to a display over AF_UNIX. */
static int forbid_network(scmp_filter_ctx filter)
{
	static const int families[] = { AF_INET, AF_INET6, AF_PACKET };
	for (size_t i = 0; i < G_N_ELEMENTS(families); i++) {
		const struct scmp_arg_cmp family = { .arg = 0, .op = SCMP_CMP_EQ,
						     .datum_a = (scmp_datum_t)families[i] };
		int r = seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EACCES), SCMP_SYS(socket), 1, &family);
		if (r < 0)
			return r;
	}
	return 0;
}

static int filter_load(enum sandbox_role role)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	if (!filter)
		return -EOPNOTSUPP;
	int r = 0;
	for (size_t i = 0; r == 0 && i < G_N_ELEMENTS(forbidden); i++) {
		int number = seccomp_syscall_resolve_name(forbidden[i]);
		if (number != __NR_SCMP_ERROR)
			r = seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, number, 0);
	}
	if (r == 0 && (role == SANDBOX_VIDEO || role == SANDBOX_SCREEN))
		r = forbid_network(filter);
	if (r == 0)
		r = seccomp_load(filter);
	seccomp_release(filter);
	return r == -EINVAL || r == -ENOSYS ? -EOPNOTSUPP : r;
}

int sandbox_enter(enum sandbox_role role)
{
	const struct rlimit no_core = { 0, 0 };
	setrlimit(RLIMIT_CORE, &no_core);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	if (g_strcmp0(g_getenv("CALLBOX_SANDBOX"), "off") == 0)
		return 0;
	return filter_load(role);
}
