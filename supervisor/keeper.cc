#include "supervisor/keeper.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <optional>

#include "base/fd.h"
#include "base/result.h"
#include "supervisor/exit_journal.h"
#include "supervisor/keeper_start.h"
#include "supervisor/keeper_store.h"
#include "supervisor/process_tree.h"

namespace tend::supervisor {
namespace {

using Millis = std::int64_t;  // of CLOCK_MONOTONIC
constexpr Millis kNever = INT64_MAX;

constexpr Millis kShortLife = 1000;  // a role that died sooner has failed
constexpr Millis kBackoffFirst = 100, kBackoffMax = 2000;
constexpr Millis kLeave = 10'000;  // a role has so long to end once it was told to
constexpr Millis kRetrySend = 10;
constexpr int kMessagesPerWake = 256;  // so that no role keeps the others waiting
constexpr int kSocketBuffer = 1 << 20;
constexpr std::uint64_t kSignalsTag = kRoles;  // epoll tags below are roles

Millis Now() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return Millis{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

std::uint64_t WallNanoseconds() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000u +
         static_cast<std::uint64_t>(now.tv_nsec);
}

std::uint64_t Microseconds(const timeval& time) {
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000u +
         static_cast<std::uint64_t>(time.tv_usec);
}

struct Role {
  RoleId id{};
  const char* name = "";     // argv[0]
  const char* program = "";  // outlives the keeper
  int pid = 0;               // 0: does not run
  int socket = -1;
  bool ready = false;
  bool told_to_end = false;         // this life got its SIGTERM
  bool replay_end_pending = false;  // to be sent after all that is pending in the store
  bool waits_writable = false;
  Millis retry_send_at = kNever;
  Millis started_at = 0;
  Millis start_at = kNever;
  int short_lives = 0;  // in a row
};

class Keeper {
 public:
  Result<> Start(const KeeperOptions& options);
  void Run();
  void Say(const char* format, ...) __attribute__((format(printf, 2, 3)));
  void set_report_fd(int fd) { report_fd_ = fd; }

 private:
  enum class Phase : std::uint8_t { kRunning, kCoreLeaves, kSidecarLeaves, kDone };

  Result<> MakeDescriptors();
  void StartRole(Role& role);
  [[noreturn]] void BecomeRole(const Role& role, int socket);
  void OnRoleEnded(Role& role, int code, int status);
  void Reap();
  void OnSignals();
  void ReadRole(Role& role, int messages_max);
  void OnMessage(Role& role, const KeeperMessage& message, int fd);
  void OnPut(Role& role, const KeeperMessage& message, int fd);
  void OnReady(Role& role);
  void Tell(Role& role);
  void Watch(Role& role, bool writable);
  void EndCore();
  void Shutdown();
  void AdvanceShutdown();
  void Tick(Millis now);
  int TimeoutFrom(Millis now) const;
  Role& RoleOf(RoleId id) { return roles_[static_cast<std::size_t>(id)]; }

  Role roles_[kRoles];
  KeeperStore store_;
  std::optional<ExitJournalWriter> journal_;
  Fd lock_, roles_file_, epoll_, signals_;
  int exit_event_ = -1;  // the store's
  sigset_t mask_before_{};
  int report_fd_ = -1;
  bool was_ready_ = false;
  bool ending_ = false;              // SIGTERM came
  Millis give_up_core_at_ = kNever;  // it never gets ready to be told to end
  Phase phase_ = Phase::kRunning;
  Millis kill_at_ = kNever;
};

// Where the keeper is: its memory does not grow.
Keeper keeper;

void Keeper::Say(const char* format, ...) {
  char line[512];
  const std::time_t seconds = std::time(nullptr);
  std::tm date{};
  ::gmtime_r(&seconds, &date);
  std::size_t start = std::strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%SZ tendd: ", &date);
  const std::size_t text = start;
  va_list arguments;
  va_start(arguments, format);
  const int n = std::vsnprintf(line + start, sizeof line - start - 1, format, arguments);
  va_end(arguments);
  if (n < 0) return;
  start = std::min(start + static_cast<std::size_t>(n), sizeof line - 2);
  line[start++] = '\n';
  [[maybe_unused]] ssize_t written = ::write(STDERR_FILENO, line, start);
  if (report_fd_ >= 0) written = ::write(report_fd_, line + text, start - text);
}

Result<> Keeper::MakeDescriptors() {
  sigset_t mask;
  ::sigfillset(&mask);
  // SIGPIPE of a closed stderr, SIGHUP of a closed terminal: blocked for good, and so ignored.
  ::sigprocmask(SIG_SETMASK, &mask, &mask_before_);
  ::sigemptyset(&mask);
  for (const int signal : {SIGCHLD, SIGTERM, SIGINT, SIGUSR2})
    ::sigaddset(&mask, signal);
  signals_.Reset(::signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK));
  epoll_.Reset(::epoll_create1(EPOLL_CLOEXEC));
  exit_event_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (!signals_.valid() || !epoll_.valid() || exit_event_ < 0) {
    return SysError("make the keeper's descriptors", errno);
  }
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kSignalsTag;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, signals_.get(), &event) != 0) {
    return SysError("watch signals", errno);
  }
  TRY(SocketPair link, MakePacketPair());
  for (const int fd : {link.first.get(), link.second.get()})
    ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &kSocketBuffer, sizeof kSocketBuffer);
  store_.Put(StoreKind::kExitEvent, 0, exit_event_, false);
  store_.Put(StoreKind::kLinkCore, 0, link.first.Release(), false);
  store_.Put(StoreKind::kLinkSidecar, 0, link.second.Release(), false);
  return {};
}

Result<> Keeper::Start(const KeeperOptions& options) {
  for (const std::string& program : {options.core_program, options.sidecar_program}) {
    if (::access(program.c_str(), X_OK) != 0) return SysError("execute " + program, errno);
  }
  TRY_VOID(MakeFolders(options.paths));
  TRY(lock_, TakeInstanceLock(options.paths.run));
  TRY(roles_file_, FenceFormerRoles(options.paths.run));
  TRY(journal_, ExitJournalWriter::Open(options.paths.run + '/' + kJournalFile));
  // Before anything of ours is a child: whatever a worker leaves behind becomes ours.
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) return SysError("become a reaper", errno);
  TakeNotifySocket();
  RaiseOwnLimits();
  TRY_VOID(MakeDescriptors());
  journal_->header().keeper_starts.fetch_add(1);
  journal_->header().keeper_pid = ::getpid();
  Role& core = RoleOf(RoleId::kCore);
  core.id = RoleId::kCore;
  core.name = "tend-core";
  core.program = options.core_program.c_str();
  Role& sidecar = RoleOf(RoleId::kSidecar);
  sidecar.id = RoleId::kSidecar;
  sidecar.name = "tend-sidecar";
  sidecar.program = options.sidecar_program.c_str();
  for (Role& role : roles_)
    StartRole(role);
  return {};
}

// After fork: async-signal-safe calls only.
void Keeper::BecomeRole(const Role& role, int socket) {
  // Ctrl-C in our terminal is for us alone, so that workers are stopped in order.
  ::setsid();
  const int null = ::open("/dev/null", O_RDWR);
  ::dup2(null, STDIN_FILENO);
  if (socket == kKeeperSocket) {
    ::fcntl(socket, F_SETFD, 0);
  } else {
    ::dup2(socket, kKeeperSocket);
  }
  // All of ours is close-on-exec; this is for what we were started with.
  ::syscall(SYS_close_range, kKeeperSocket + 1, UINT_MAX, 0);
  ::sigprocmask(SIG_SETMASK, &mask_before_, nullptr);
  char* const argv[] = {const_cast<char*>(role.name), nullptr};
  ::execv(role.program, argv);
  ::_exit(127);
}

void Keeper::StartRole(Role& role) {
  role.start_at = kNever;
  role.started_at = Now();
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    Say("cannot make a socket for %s: %s", role.name, std::strerror(errno));
    role.start_at = role.started_at + kBackoffMax;
    return;
  }
  ::setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &kSocketBuffer, sizeof kSocketBuffer);
  const int pid = ::fork();
  if (pid == 0) BecomeRole(role, ends[1]);
  ::close(ends[1]);
  if (pid < 0) {
    Say("cannot start %s: %s", role.name, std::strerror(errno));
    ::close(ends[0]);
    role.start_at = role.started_at + kBackoffMax;
    return;
  }
  const auto stat = ReadProcessStat(pid);
  WriteRole(roles_file_.get(), static_cast<int>(role.id), role.program, pid,
            stat ? stat->start_time : 0);
  ExitJournal& header = journal_->header();
  (role.id == RoleId::kCore ? header.core_pid : header.sidecar_pid) = pid;
  (role.id == RoleId::kCore ? header.core_starts : header.sidecar_starts).fetch_add(1);
  role.pid = pid;
  role.socket = ends[0];
  role.ready = false;
  role.told_to_end = false;
  role.waits_writable = false;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = static_cast<std::uint64_t>(role.id);
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, role.socket, &event);
  store_.Replay(role.id);
  role.replay_end_pending = true;
  Tell(role);
}

// Sends what the role has not been told yet.
void Keeper::Tell(Role& role) {
  if (role.socket < 0) return;
  role.retry_send_at = kNever;
  Sent sent = Sent::kYes;
  while (KeeperStore::Entry* const entry = store_.NextPending(role.id)) {
    sent = SendKeeperMessage(role.socket, KeeperOp::kPut, entry->kind, entry->id, entry->fd);
    if (sent != Sent::kYes) break;
    entry->pending = false;
  }
  if (sent == Sent::kYes && role.replay_end_pending) {
    sent = SendKeeperMessage(role.socket, KeeperOp::kReplayEnd, StoreKind::kNone, 0, -1);
    role.replay_end_pending = sent != Sent::kYes;
  }
  if (sent == Sent::kSoon) role.retry_send_at = Now() + kRetrySend;
  Watch(role, sent == Sent::kWhenWritable);
}

void Keeper::Watch(Role& role, bool writable) {
  if (role.waits_writable == writable) return;
  role.waits_writable = writable;
  epoll_event event{};
  event.events = EPOLLIN | (writable ? static_cast<std::uint32_t>(EPOLLOUT) : 0u);
  event.data.u64 = static_cast<std::uint64_t>(role.id);
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, role.socket, &event);
}

void Keeper::ReadRole(Role& role, int messages_max) {
  for (int i = 0; i < messages_max && role.socket >= 0; ++i) {
    KeeperMessage message;
    int fd = -1;
    switch (ReceiveKeeperMessage(role.socket, message, fd)) {
      case Received::kMessage:
        OnMessage(role, message, fd);
        break;
      case Received::kNothing:
        return;
      case Received::kClosed:
        // Its exit comes, or it lives on without us and ends by itself.
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, role.socket, nullptr);
        ::close(role.socket);
        role.socket = -1;
        return;
    }
  }
}

void Keeper::OnMessage(Role& role, const KeeperMessage& message, int fd) {
  if (message.op == KeeperOp::kPut) return OnPut(role, message, fd);
  if (fd >= 0) ::close(fd);
  if (message.op == KeeperOp::kDrop) {
    store_.Drop(message.kind, message.id);
  } else if (message.op == KeeperOp::kReady) {
    OnReady(role);
  } else if (message.op == KeeperOp::kShutdown && role.id == RoleId::kCore) {
    Shutdown();
  } else {
    Say("%s sent a message that is none (op %d)", role.name, static_cast<int>(message.op));
  }
}

void Keeper::OnPut(Role& role, const KeeperMessage& message, int fd) {
  if (fd < 0 || !IsStoreKind(message.kind)) {
    Say("%s put no descriptor (kind %d, id %llu)", role.name, static_cast<int>(message.kind),
        static_cast<unsigned long long>(message.id));
    if (fd >= 0) ::close(fd);
    return;
  }
  Role& owner = RoleOf(OwnerOf(message.kind));
  const bool tell = &owner != &role;
  if (!store_.Put(message.kind, message.id, fd, tell)) {
    Say("the store of descriptors is full; kind %d, id %llu will not outlive %s",
        static_cast<int>(message.kind), static_cast<unsigned long long>(message.id), owner.name);
    if (tell && owner.socket >= 0) {
      SendKeeperMessage(owner.socket, KeeperOp::kPut, message.kind, message.id, fd);
    }
    ::close(fd);
    return;
  }
  if (tell && !owner.waits_writable) Tell(owner);
}

void Keeper::OnReady(Role& role) {
  role.ready = true;
  if (ending_ && role.id == RoleId::kCore) EndCore();
  if (was_ready_ || !roles_[0].ready || !roles_[1].ready) return;
  was_ready_ = true;
  NotifyServiceManager("READY=1");
  if (report_fd_ < 0) return;
  [[maybe_unused]] const ssize_t n =
      ::write(report_fd_, kKeeperReadyLine, std::strlen(kKeeperReadyLine));
  ::close(report_fd_);
  report_fd_ = -1;
}

void Keeper::Reap() {
  for (;;) {
    siginfo_t info{};
    rusage usage{};
    // The system call, because it tells the resources used as well, still before the reaping.
    const auto n = ::syscall(SYS_waitid, P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT, &usage);
    if (n < 0 || info.si_pid == 0) return;
    Role* ended = nullptr;
    for (Role& role : roles_) {
      if (role.pid == info.si_pid) ended = &role;
    }
    if (ended == nullptr) {
      ExitInfo exit;
      exit.pid = info.si_pid;
      exit.code = info.si_code;
      exit.status = info.si_status;
      exit.wall_ns = WallNanoseconds();
      exit.user_us = Microseconds(usage.ru_utime);
      exit.system_us = Microseconds(usage.ru_stime);
      exit.rss_max_kb = static_cast<std::uint64_t>(usage.ru_maxrss);
      journal_->Append(exit);
      const std::uint64_t one = 1;
      [[maybe_unused]] const ssize_t written = ::write(exit_event_, &one, sizeof one);
    }
    siginfo_t reaped{};
    ::waitid(P_PID, static_cast<id_t>(info.si_pid), &reaped, WEXITED);
    if (ended != nullptr) OnRoleEnded(*ended, info.si_code, info.si_status);
  }
}

void Keeper::OnRoleEnded(Role& role, int code, int status) {
  // What it put in its last moment is for its next life.
  ReadRole(role, INT_MAX);
  if (role.socket >= 0) ::close(role.socket);
  const int pid = role.pid;
  role.socket = -1;
  role.pid = 0;
  role.ready = false;
  role.retry_send_at = kNever;
  WriteRole(roles_file_.get(), static_cast<int>(role.id), role.program, 0, 0);
  const bool exited = code == CLD_EXITED;
  if (phase_ != Phase::kRunning) {
    if (!exited || status != 0) {
      Say("%s (pid %d) ended with %s %d while shutting down", role.name, pid,
          exited ? "code" : "signal", status);
    }
    return AdvanceShutdown();
  }
  const Millis now = Now();
  role.short_lives = now - role.started_at < kShortLife ? role.short_lives + 1 : 0;
  const Millis delay =
      role.short_lives < 2
          ? 0
          : std::min(kBackoffFirst << std::min(role.short_lives - 2, 8), kBackoffMax);
  Say("%s (pid %d) ended with %s %d%s; it is started again in %lld ms", role.name, pid,
      exited ? "code" : "signal", status,
      exited && status == 127 ? " (it could not be executed)" : "", static_cast<long long>(delay));
  if (ending_ && role.id == RoleId::kCore) give_up_core_at_ = now + kLeave;
  if (delay == 0) return StartRole(role);
  role.start_at = now + delay;
}

void Keeper::OnSignals() {
  signalfd_siginfo info;
  bool end = false;
  bool reopen = false;
  while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    end = end || info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT;
    reopen = reopen || info.ssi_signo == SIGUSR2;
  }
  Reap();
  // One that is not ready yet opens its files anew in any case.
  const Role& sidecar = RoleOf(RoleId::kSidecar);
  if (reopen && sidecar.ready && sidecar.pid != 0) ::kill(sidecar.pid, SIGUSR2);
  if (!end || ending_) return;
  ending_ = true;
  NotifyServiceManager("STOPPING=1");
  give_up_core_at_ = Now() + kLeave;
  EndCore();
}

// Once a life of core, and not before it can take it.
void Keeper::EndCore() {
  Role& core = RoleOf(RoleId::kCore);
  if (!core.ready || core.told_to_end || core.pid == 0) return;
  core.told_to_end = true;
  give_up_core_at_ = kNever;
  ::kill(core.pid, SIGTERM);
}

void Keeper::Shutdown() {
  if (phase_ != Phase::kRunning) return;
  phase_ = Phase::kCoreLeaves;
  kill_at_ = Now() + kLeave;
  for (Role& role : roles_)
    role.start_at = kNever;
  AdvanceShutdown();
}

// Core goes first: what it said last is then in the link, for the sidecar to read.
void Keeper::AdvanceShutdown() {
  if (phase_ == Phase::kCoreLeaves && RoleOf(RoleId::kCore).pid == 0) {
    phase_ = Phase::kSidecarLeaves;
    kill_at_ = Now() + kLeave;
    if (const int pid = RoleOf(RoleId::kSidecar).pid; pid != 0) ::kill(pid, SIGTERM);
  }
  if (phase_ == Phase::kSidecarLeaves && RoleOf(RoleId::kSidecar).pid == 0) phase_ = Phase::kDone;
}

// All that happens by the clock. The place for the watchdog of stalled roles.
void Keeper::Tick(Millis now) {
  for (Role& role : roles_) {
    if (now >= role.start_at) StartRole(role);
    if (now >= role.retry_send_at) Tell(role);
  }
  if (now >= give_up_core_at_) {
    give_up_core_at_ = kNever;
    Say("tend-core does not get ready to stop the workers; leaving them");
    Shutdown();
    if (const int pid = RoleOf(RoleId::kCore).pid; pid != 0) ::kill(pid, SIGTERM);
  }
  if (now < kill_at_) return;
  kill_at_ = now + kLeave;
  const Role& late = RoleOf(phase_ == Phase::kCoreLeaves ? RoleId::kCore : RoleId::kSidecar);
  Say("%s (pid %d) does not end; killing it", late.name, late.pid);
  if (late.pid != 0) ::kill(late.pid, SIGKILL);
}

int Keeper::TimeoutFrom(Millis now) const {
  Millis next = std::min(give_up_core_at_, kill_at_);
  for (const Role& role : roles_)
    next = std::min({next, role.start_at, role.retry_send_at});
  if (next == kNever) return -1;
  return static_cast<int>(std::clamp(next - now, Millis{0}, Millis{60'000}));
}

void Keeper::Run() {
  while (phase_ != Phase::kDone) {
    epoll_event events[4];
    const int n = ::epoll_wait(epoll_.get(), events, 4, TimeoutFrom(Now()));
    for (int i = 0; i < n; ++i) {
      const std::uint64_t tag = events[i].data.u64;
      if (tag == kSignalsTag) {
        OnSignals();
        continue;
      }
      Role& role = roles_[tag];
      ReadRole(role, kMessagesPerWake);
      if ((events[i].events & EPOLLOUT) != 0) Tell(role);
    }
    Tick(Now());
  }
}

}  // namespace

int RunKeeper(const KeeperOptions& options) {
  keeper.set_report_fd(options.report_fd);
  if (const auto started = keeper.Start(options); !started) {
    keeper.Say("%s", started.error().message().c_str());
    return 1;
  }
  keeper.Run();
  return 0;
}

}  // namespace tend::supervisor
