"""What 200 idle workers cost: memory and CPU of the three daemons, and the time of `tend list`."""
import os
import subprocess
import time
import unittest

from harness import BIN, DAEMONS, SANITIZED, TendTest, main, median, read_proc, wait_until, worker

WORKERS = 200
PSS_LIMIT_MIB = 24
CPU_LIMIT = 0.005  # of one core
LIST_LIMIT_MS = 15
SECONDS = 10
ROUNDS = 3  # other work on the machine only makes it slower: one round within the limit is the proof


def pss_mib(pid):
    for line in read_proc(pid, "smaps_rollup").decode().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise AssertionError(f"no Pss of {pid}")


def cpu_seconds(pid):
    """Of all threads, from the scheduler: the times in `stat` are sampled by the tick, which short turns evade."""
    return sum(int(read_proc(pid, f"task/{thread}/schedstat").split()[0])
               for thread in os.listdir(f"/proc/{pid}/task")) / 1e9


@unittest.skipIf(SANITIZED, "measures the programs as they are shipped")
class IdleTest(TendTest):
    def list_times(self):
        """Milliseconds of ten calls."""
        times = []
        for _ in range(10):
            at = time.perf_counter()
            subprocess.run([BIN / "tend", "list"], env=self.tend.env, check=True, capture_output=True)
            times.append((time.perf_counter() - at) * 1000)
        return times

    def test_two_hundred_idle_workers(self):
        self.tend.config({"name": "idle", "script": worker("idle"), "interpreter": "none",
                          "instances": WORKERS})
        begun = time.monotonic()
        self.start("tend.yaml")
        took = time.monotonic() - begun
        self.assertEqual(self.tend.app("idle")["state"], "online")
        self.assertEqual(len(set(self.tend.pids("idle").values())), WORKERS)
        pids = {name: self.tend.daemon(name) for name in DAEMONS}
        wait_until(lambda: self.tend.metric("tend_worker_resident_memory_bytes", app="idle",
                                            worker=str(WORKERS - 1)), 15, "all are sampled")
        time.sleep(2)  # what starting cost is not idling
        before = {name: cpu_seconds(pid) for name, pid in pids.items()}
        time.sleep(SECONDS)
        cpu = {name: (cpu_seconds(pid) - before[name]) / SECONDS for name, pid in pids.items()}
        pss = {name: pss_mib(pid) for name, pid in pids.items()}
        for _ in range(ROUNDS):
            times = self.list_times()
            if median(times) <= LIST_LIMIT_MS:
                break
        print(f"\n{WORKERS} idle workers: started in {took:.2f} s; PSS {sum(pss.values()):.1f} MiB "
              f"({', '.join(f'{n} {v:.1f}' for n, v in pss.items())}); "
              f"CPU {sum(cpu.values()) * 100:.2f} % of a core "
              f"({', '.join(f'{n} {v * 100:.2f}' for n, v in cpu.items())}); "
              f"tend list {median(times):.1f} ms (min {min(times):.1f})")
        self.assertLessEqual(sum(pss.values()), PSS_LIMIT_MIB)
        self.assertLessEqual(sum(cpu.values()), CPU_LIMIT)
        self.assertLessEqual(median(times), LIST_LIMIT_MS)


if __name__ == "__main__":
    main()
