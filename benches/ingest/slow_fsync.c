/* Preloaded into a process, makes every fsync and fdatasync take 5 ms longer: what an ordinary disk costs, on a machine
 * whose own disk answers at once. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <unistd.h>

#define DELAY_US 5000

static int delayed(const char *name, int fd)
{
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    usleep(DELAY_US);
    return real(fd);
}

int fsync(int fd) { return delayed("fsync", fd); }

int fdatasync(int fd) { return delayed("fdatasync", fd); }
