#include "core/base/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What this system's headers may be too old for: linux/landlock.h up to ABI 6. */
struct ruleset {
	uint64_t files, network, scoped;
};

#define FILES_ABI_1 ((UINT64_C(1) << 13) - 1)
#define FILES_REFER (UINT64_C(1) << 13)	   /* ABI 2 */
#define FILES_TRUNCATE (UINT64_C(1) << 14) /* ABI 3 */
#define FILES_IOCTL (UINT64_C(1) << 15)	   /* ABI 5 */
#define NETWORK_TCP UINT64_C(3)		   /* ABI 4: bind, connect */
#define SCOPED_ALL UINT64_C(3)		   /* ABI 6: abstract sockets, signals */

static const uint64_t reads = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
static const uint64_t writes = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |
			       LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE |
			       LANDLOCK_ACCESS_FS_MAKE_REG | FILES_TRUNCATE;
/* Of a place that is no folder. */
static const uint64_t of_files = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | FILES_TRUNCATE;

static struct ruleset ruleset_of(long abi)
{
	struct ruleset set = { .files = FILES_ABI_1 };
	set.files |= abi >= 2 ? FILES_REFER : 0;
	set.files |= abi >= 3 ? FILES_TRUNCATE : 0;
	set.files |= abi >= 5 ? FILES_IOCTL : 0;
	set.network = abi >= 4 ? NETWORK_TCP : 0;
	set.scoped = abi >= 6 ? SCOPED_ALL : 0;
	return set;
}

static int place_add(int rules, const struct landlock_place *place, uint64_t known)
{
	struct stat st;
	int fd = open(place->path, O_PATH | O_CLOEXEC), r = 0;
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	struct landlock_path_beneath_attr beneath = {
		.allowed_access = (place->write ? writes : reads) & known, .parent_fd = fd,
	};
	if (fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode))
		beneath.allowed_access &= of_files;
	if (syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) < 0)
		r = -errno;
	close(fd);
	return r;
}

int landlock_enter(const struct landlock_place *places)
{
	if (g_strcmp0(g_getenv("CALLBOX_SANDBOX"), "off") == 0)
		return 0;
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	if (abi < 1)
		return errno == ENOSYS || errno == EOPNOTSUPP ? -EOPNOTSUPP : -errno;
	struct ruleset set = ruleset_of(abi);
	size_t size = abi >= 6 ? sizeof(set) : abi >= 4 ? 2 * sizeof(uint64_t) : sizeof(uint64_t);
	int rules = (int)syscall(SYS_landlock_create_ruleset, &set, size, 0);
	if (rules < 0)
		return -errno;
	int r = 0;
	for (; r == 0 && places->path; places++)
		r = place_add(rules, places, set.files);
	if (r == 0 && (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscall(SYS_landlock_restrict_self, rules, 0) < 0))
		r = -errno;
	close(rules);
	return r;
}
