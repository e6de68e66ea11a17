// The link between core and sidecar: JSON objects, one a packet, over a SOCK_SEQPACKET pair that
// the keeper owns, so that it survives the death of either end. Both sides are told the whole state
// anew when either starts; in between only changes travel.
//
// core → sidecar
//   {"type":"app","app":{AppConfig, env left out},"status":{AppStatus without workers}}
//   {"type":"worker","app":NAME,"worker":{WorkerStatus}}         state of one worker, absolute
//   {"type":"worker_gone","app":NAME,"slot":N}                    scaled away
//   {"type":"app_gone","app":NAME}
//   {"type":"incarnation","app":NAME,"slot":N,"incarnation":ID,"pid":P,"port":P}
//       before its pipes are put. "port": where it will listen, as far as its configuration tells;
//       0: that is not known
//   {"type":"ended","incarnation":ID}                 the process is gone: drain and close
//   {"type":"fact","fact":{Fact}}
//   {"type":"custom","app":NAME,"slot":N,"incarnation":ID,"refused":N,
//    "metrics":{NAME:{"value":V,"unit":TEXT}}}       what its program told with @pm2/io
//   {"type":"requests","since":NS,"counts":{METHOD:[OK,ERROR],…}}
//       what was answered on the control socket since core began, at that time; at most once a
//       second, and only if there is more to tell
//   {"type":"synced"}                                             that was the whole state
//   {"type":"logs","op":"flush"|"reopen"|"rotate","app":NAME,"request":N}
// sidecar → core
//   {"type":"hello","role":"sidecar","pid":P}                     please tell me everything
//   {"type":"logs_done","request":N,"ok":true,"error":TEXT}
//   {"type":"ready","incarnation":ID}                             `ready` of its app holds
//   {"type":"restart","incarnation":ID,"reason":RestartReason,"why":TEXT}       it is sick
//   {"type":"restart_app","app":NAME,"reason":"watch"|"cron","why":TEXT}
//   {"type":"probe","incarnation":ID,"port":P,"exact":BOOL}
//       a connection to just that worker of a cluster, please, where it listens on P, or, unless
//       "exact", anywhere: it comes as kProbe from the keeper's store, or else
// core → sidecar: {"type":"no_probe","incarnation":ID,"error":TEXT,"unknown":BOOL}
//       "unknown": that says nothing about the worker
// core → sidecar on its own start: {"type":"hello","role":"core"}, then the whole state.
//
// Every packet is at most kLinkPacketMax bytes. The sender queues what the socket refuses, bounded;
// when the bound is reached it drops the queue and starts again with a full synchronisation.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/loop.h"

namespace tend {

inline constexpr std::size_t kLinkPacketMax = 64 * 1024;
inline constexpr std::size_t kLinkQueueMaxBytes = 16 * 1024 * 1024;

// One end of a packet socket with a bounded send queue. Also used by the control socket.
// Thread: the loop's.
class PacketChannel {
 public:
  struct Callbacks {
    std::function<void(std::string_view packet)> on_packet;
    std::function<void()> on_closed;    // the peer is gone; no more packets
    std::function<void()> on_overflow;  // the send queue was full and has been emptied
    // A packet came that is larger than kLinkPacketMax; it is skipped.
    std::function<void()> on_oversize = nullptr;
  };
  // Takes over `socket`, which must be non-blocking.
  PacketChannel(Loop& loop, Fd socket, Callbacks callbacks);
  ~PacketChannel();
  PacketChannel(const PacketChannel&) = delete;
  PacketChannel& operator=(const PacketChannel&) = delete;

  // Sends now or queues. REQUIRES: packet.size() <= kLinkPacketMax.
  void Send(std::string packet);
  std::size_t queued_bytes() const { return queued_bytes_; }
  int fd() const { return socket_.get(); }

 private:
  void OnReadable();
  void Flush();

  Loop& loop_;
  Fd socket_;
  Callbacks callbacks_;
  std::deque<std::string> queue_;
  std::size_t queued_bytes_ = 0;
  bool closed_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  Loop::Watch readable_;
  Loop::Watch writable_;
};

}  // namespace tend
