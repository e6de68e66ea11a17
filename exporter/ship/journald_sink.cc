#include "exporter/ship/journald_sink.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <array>
#include <bit>
#include <cerrno>

#include "base/files.h"
#include "exporter/ship/syslog_message.h"
#include "exporter/ship/syslog_sink.h"

namespace tend::exporter {
namespace {

constexpr std::string_view kJournalSocket = "/run/systemd/journal/socket";

std::string SocketPath(std::string_view url) {
  if (url.empty()) return std::string(kJournalSocket);
  if (url.starts_with("unix:")) url.remove_prefix(5);
  if (url.starts_with("///")) url.remove_prefix(2);
  return std::string(url);
}

void AppendField(std::string_view name, std::string_view value, std::string& out) {
  out.append(name);
  if (value.find('\n') == std::string_view::npos) {
    out.append(1, '=').append(value);
  } else {
    out += '\n';
    std::uint64_t size = value.size();
    for (std::size_t i = 0; i < sizeof size; ++i, size >>= 8)
      out += static_cast<char>(size & 0xff);
    out.append(value);
  }
  out += '\n';
}

Result<Fd> SealedFile(std::string_view content) {
  Fd fd(::memfd_create("tend-journal", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd.valid()) return SysError("memfd_create", errno);
  TRY_VOID(WriteAll(FilesLinux(), fd.get(), content));
  constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  if (::fcntl(fd.get(), F_ADD_SEALS, kSeals) != 0) return SysError("seal", errno);
  return fd;
}

}  // namespace

void AppendJournalEntry(std::string_view app, const ShipEntry& entry, std::string& out) {
  std::array<char, kRfc3339Size> time{};
  WriteRfc3339(entry.time, time.data());
  AppendField("MESSAGE", entry.text, out);
  AppendField("PRIORITY", std::to_string(SyslogSeverity(entry)), out);
  AppendField("SYSLOG_IDENTIFIER", app, out);
  AppendField("TEND_APP", app, out);
  if (entry.slot >= 0) AppendField("TEND_WORKER", std::to_string(entry.slot), out);
  AppendField("TEND_STREAM", StreamName(entry.stream), out);
  if (!entry.level.empty()) AppendField("TEND_LEVEL", entry.level, out);
  if ((entry.flags & kLinePartial) != 0) AppendField("TEND_PARTIAL", "1", out);
  AppendField("TEND_TIMESTAMP", {time.data(), time.size()}, out);
}

JournaldSink::JournaldSink(const config::ExporterConfig& config)
    : timeout_(config.peer.timeout),
      link_(
          waiter_,
          SocketPath(config.peer.url),
          [path = SocketPath(config.peer.url)](Mono) { return ConnectUnixDatagram(path); },
          false) {}

SendOutcome JournaldSink::Send(std::span<const ShipBatch> batches) {
  const Mono deadline = std::chrono::steady_clock::now() + timeout_;
  std::size_t bytes = 0, taken = 0;
  std::string text;
  for (const ShipBatch& batch : batches) {
    for (const ShipEntry& entry : batch.entries) {
      text.clear();
      AppendJournalEntry(batch.app, entry, text);
      if (auto sent = SendEntry(text, deadline); !sent) return DatagramOutcome(sent, bytes, taken);
      bytes += text.size();
      ++taken;
    }
  }
  return DatagramOutcome({}, bytes, taken);
}

Result<> JournaldSink::SendEntry(std::string_view entry, Mono deadline) {
  auto sent = link_.Send(entry, deadline);
  if (sent || sent.error().code() != Errc::kLimit) return sent;
  TRY(const Fd file, SealedFile(entry));
  return link_.Send({}, deadline, file.get());
}

}  // namespace tend::exporter
