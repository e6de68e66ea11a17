#include "supervisor/spawn.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

// After <sched.h>: both define the flags of clone.
#include <linux/sched.h>

#include <cerrno>
#include <cstdlib>
#include <string_view>

#include "base/check.h"
#include "base/number.h"
#include "supervisor/child.h"

namespace tend::supervisor {
namespace {

constexpr const char* kDefaultPath = "/usr/local/bin:/usr/bin:/bin";
constexpr std::string_view kListenPid = "LISTEN_PID=";

// Where `program` may be: itself if it names a folder, else in each folder of the worker's PATH.
std::vector<std::string> Candidates(const LaunchSpec& spec) {
  if (spec.program.find('/') != std::string::npos) return {spec.program};
  std::string_view path = kDefaultPath;
  for (const std::string& variable : spec.env) {
    if (variable.starts_with("PATH=")) path = std::string_view(variable).substr(5);
  }
  std::vector<std::string> candidates;
  for (;;) {
    const std::size_t end = path.find(':');
    const std::string_view folder = path.substr(0, end);
    candidates.push_back(folder.empty() ? spec.program : std::string(folder) + '/' + spec.program);
    if (end == std::string_view::npos) return candidates;
    path.remove_prefix(end + 1);
  }
}

std::vector<char*> Pointers(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (const std::string& string : strings)
    pointers.push_back(const_cast<char*>(string.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

struct Birth {
  int pid = -1;
  int pidfd = -1;
  bool of_keeper = true;
};

// fork() as the kernel has it, with a pidfd, and, if `of_keeper`, with our parent as the parent.
// Returns in both processes; pid is 0 in the child.
Birth Clone(bool of_keeper) {
  Birth birth;
  birth.of_keeper = of_keeper;
  clone_args arguments{};
  arguments.flags = CLONE_PIDFD | (of_keeper ? CLONE_PARENT : 0u);
  arguments.pidfd = reinterpret_cast<std::uintptr_t>(&birth.pidfd);
  arguments.exit_signal = of_keeper ? 0 : SIGCHLD;
  birth.pid = static_cast<int>(::syscall(SYS_clone3, &arguments, sizeof arguments));
  // Containers hide clone3 because its flags cannot be filtered; clone has all that we need.
  if (birth.pid < 0 && (errno == ENOSYS || errno == EPERM)) {
#if defined(__x86_64__) || defined(__aarch64__)
    birth.pid = static_cast<int>(
        ::syscall(SYS_clone, arguments.flags | SIGCHLD, nullptr, &birth.pidfd, nullptr, nullptr));
#endif
  }
  return birth;
}

// Fills in everything of the plan that is numbers.
Result<> PlanAccount(const LaunchSpec& spec, Account& account, ChildPlan& plan) {
  if (spec.uid.empty() && spec.gid.empty()) return {};
  TRY(account, FindAccount(spec.uid, spec.gid));
  plan.change_account = true;
  plan.change_groups = ::geteuid() == 0;
  plan.uid = account.uid;
  plan.gid = account.gid;
  plan.groups = account.groups.data();
  plan.group_count = account.groups.size();
  return {};
}

void PlanDescriptors(const LaunchSpec& spec, ChildPlan& plan) {
  TEND_CHECK(spec.listen_fds.size() <= kListenFdsMax);
  plan.worker_fds[STDOUT_FILENO] = spec.stdout_fd;
  plan.worker_fds[STDERR_FILENO] = spec.stderr_fd;
  plan.worker_fds[kTelemetryFdInWorker] = spec.telemetry_fd;
  plan.worker_fds[kChannelFdInWorker] = spec.channel_fd;
  plan.worker_fds[kChannelSpareFdInWorker] = spec.channel_spare_fd;
  for (std::size_t i = 0; i < spec.listen_fds.size(); ++i)
    plan.worker_fds[kFirstListenFdInWorker + i] = spec.listen_fds[i];
}

}  // namespace

WorkerLimits TakeWorkerLimits() {
  WorkerLimits limits;
  if (const char* text = std::getenv(kWorkerOpenFilesVariable)) {  // NOLINT(concurrency-mt-unsafe)
    limits.open_files = ParseNumber<std::uint64_t>(text).value_or(0);
  }
  if (const char* text = std::getenv(kWorkerOomVariable)) {  // NOLINT(concurrency-mt-unsafe)
    const auto number = ParseNumber<int>(text);
    limits.oom_score_adj = number.value_or(0);
    limits.restore_oom = number.has_value();
  }
  ::unsetenv(kWorkerOpenFilesVariable);  // NOLINT(concurrency-mt-unsafe)
  ::unsetenv(kWorkerOomVariable);        // NOLINT(concurrency-mt-unsafe)
  return limits;
}

Result<Account> FindAccount(const std::string& uid, const std::string& gid) {
  Account account{::getuid(), ::getgid(), {}};
  std::string name;
  if (!uid.empty()) {
    const auto number = ParseNumber<uid_t>(uid);
    // NOLINTNEXTLINE(concurrency-mt-unsafe): core has one thread
    const passwd* entry = number ? ::getpwuid(*number) : ::getpwnam(uid.c_str());
    if (entry == nullptr && !number) return Error(Errc::kNotFound, "there is no user " + uid);
    account.uid = entry != nullptr ? entry->pw_uid : *number;
    account.gid = entry != nullptr ? entry->pw_gid : *number;
    if (entry != nullptr) name = entry->pw_name;
  }
  if (!gid.empty()) {
    const auto number = ParseNumber<gid_t>(gid);
    const group* entry =
        number ? nullptr : ::getgrnam(gid.c_str());  // NOLINT(concurrency-mt-unsafe)
    if (entry == nullptr && !number) return Error(Errc::kNotFound, "there is no group " + gid);
    account.gid = number ? *number : entry->gr_gid;
  }
  account.groups = {account.gid};
  if (!name.empty()) {
    int count = 0;
    ::getgrouplist(name.c_str(), account.gid, nullptr, &count);
    account.groups.resize(static_cast<std::size_t>(count));
    if (::getgrouplist(name.c_str(), account.gid, account.groups.data(), &count) < 0) {
      account.groups = {account.gid};
    }
  }
  return account;
}

Result<Pipe> MakeWorkerPipe(uid_t owner, WriterMode mode) {
  TRY(Pipe pipe, MakePipe());
  TRY_VOID(SetNonBlocking(pipe.read.get()));
  const std::string path = "/proc/self/fd/" + std::to_string(pipe.write.get());
  const int flags = O_RDWR | O_CLOEXEC | (mode == WriterMode::kNonBlocking ? O_NONBLOCK : 0);
  const Fd old = std::exchange(pipe.write, Fd(::open(path.c_str(), flags)));
  if (!pipe.write.valid()) return SysError("open a worker's pipe", errno);
  if (owner != ::geteuid() && ::fchown(pipe.write.get(), owner, static_cast<gid_t>(-1)) != 0) {
    return SysError("give a pipe to user " + std::to_string(owner), errno);
  }
  return pipe;
}

ProcessesLinux::ProcessesLinux(const WorkerLimits& limits) : limits_(limits) {
  ::signal(SIGPIPE, SIG_IGN);
}

Result<Prepared> ProcessesLinux::Prepare(const LaunchSpec& spec) {
  ChildPlan plan;
  Account account;
  TRY_VOID(PlanAccount(spec, account, plan));
  const std::vector<std::string> candidates = Candidates(spec);
  const std::vector<char*> programs = Pointers(candidates);
  const std::vector<char*> argv = Pointers(spec.argv);
  std::string listen_pid = std::string(kListenPid) + std::string(kPidDigits, ' ');
  std::vector<std::string> variables = spec.env;
  if (!spec.listen_fds.empty()) {
    variables.push_back("LISTEN_FDS=" + std::to_string(spec.listen_fds.size()));
    plan.pid_digits = listen_pid.data() + kListenPid.size();
  }
  std::vector<char*> env = Pointers(variables);
  if (plan.pid_digits != nullptr) env.insert(env.end() - 1, listen_pid.data());
  const std::string oom = std::to_string(limits_.oom_score_adj);
  TRY(Pipe commit, MakePipe());
  TRY(Pipe report, MakePipe());
  TRY_VOID(SetNonBlocking(report.read.get()));

  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  plan.commit_fd = commit.read.get();
  plan.report_fd = report.write.get();
  PlanDescriptors(spec, plan);
  plan.open_files_max = limits_.open_files;
  plan.descriptors_end = files.rlim_cur;
  plan.oom_score_adj = limits_.restore_oom ? oom.c_str() : nullptr;
  plan.cwd = spec.cwd.empty() ? nullptr : spec.cwd.c_str();
  plan.programs = programs.data();
  plan.argv = argv.data();
  plan.env = env.data();

  // No signal may run a handler of core's in the child.
  sigset_t all, before;
  ::sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, &before);
  Birth birth = Clone(keeper_is_parent_);
  if (birth.pid < 0 && keeper_is_parent_ && errno == EINVAL) birth = Clone(false);
  if (birth.pid == 0) RunChild(plan);
  const int error = errno;
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  if (birth.pid < 0) return SysError("make a process", error);

  keeper_is_parent_ = birth.of_keeper;
  Prepared prepared;
  prepared.pid = birth.pid;
  prepared.pidfd.Reset(birth.pidfd);
  prepared.commit = std::move(commit.write);
  prepared.report = std::move(report.read);
  // It waits for us, so it can only be missing if someone killed it; then no start time fits it.
  if (const auto stat = ReadProcessStat(birth.pid)) prepared.start_time = stat->start_time;
  return prepared;
}

Result<> ProcessesLinux::Commit(Prepared& prepared) {
  const Fd commit = std::move(prepared.commit);
  if (::write(commit.get(), "x", 1) != 1) return SysError("start a process", errno);
  return {};
}

std::optional<ExecFailure> ProcessesLinux::ReadReport(int report_fd) {
  ExecFailure failure;
  ssize_t n = 0;
  do {
    n = ::read(report_fd, &failure, sizeof failure);
  } while (n < 0 && errno == EINTR);
  if (n == static_cast<ssize_t>(sizeof failure)) return failure;
  if (n < 0 && errno == EAGAIN) return std::nullopt;
  return ExecFailure{};
}

int ProcessesLinux::Signal(int pid, std::uint64_t start_time, int signal, bool tree) {
  if (tree) return tree_.Signal(pid, start_time, signal);
  return ProcessTree::SignalOne(pid, start_time, signal) ? 1 : 0;
}

int ProcessesLinux::SurvivorCount(int pid, std::uint64_t start_time) {
  return tree_.SurvivorCount(pid, start_time);
}

bool ProcessesLinux::IsAlive(int pid, std::uint64_t start_time) {
  return IsRunning(pid, start_time);
}

}  // namespace tend::supervisor
