#include <unordered_map>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/loop.h"

namespace tend {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

// Each watch keeps its asio object and callback in a State that pending operations share, so that a
// Handle may be destroyed from inside the callback it guards.
class TimerHandle final : public Loop::Handle {
 public:
  TimerHandle(asio::io_context& io, std::chrono::nanoseconds delay, std::function<void()> fn)
      : state_(std::make_shared<State>(io, std::move(fn))) {
    state_->timer.expires_after(delay);
    state_->timer.async_wait([state = state_](const error_code& ec) {
      if (!ec && state->live) state->fn();
    });
  }
  ~TimerHandle() override {
    state_->live = false;
    state_->timer.cancel();
  }

 private:
  struct State {
    State(asio::io_context& io, std::function<void()> f) : timer(io), fn(std::move(f)) {}
    asio::steady_timer timer;
    std::function<void()> fn;
    bool live = true;
  };
  std::shared_ptr<State> state_;
};

using Wait = asio::posix::descriptor_base::wait_type;

// The one registration of a descriptor with the reactor, shared by its read and its write watch:
// epoll takes a descriptor only once. The number stays its owner's.
class Registration {
 public:
  Registration(asio::io_context& io, int fd) : descriptor_(io, fd) {}
  Registration(const Registration&) = delete;
  Registration& operator=(const Registration&) = delete;
  ~Registration() { descriptor_.release(); }  // Cancels what still waits.

  template <typename Handler>
  void Wait(tend::Wait wait, Handler handler) {
    descriptor_.async_wait(wait, std::move(handler));
  }

 private:
  asio::posix::stream_descriptor descriptor_;
};

class DescriptorHandle final : public Loop::Handle {
 public:
  DescriptorHandle(std::shared_ptr<Registration> registration, Wait wait, std::function<void()> fn)
      : state_(std::make_shared<State>()) {
    state_->registration = std::move(registration);
    state_->wait = wait;
    state_->fn = std::move(fn);
    Arm(state_);
  }
  ~DescriptorHandle() override {
    // The registration goes now, not with the operation that may still be pending; the callback may
    // be the one that is running and goes with the last reference to the state.
    state_->registration.reset();
  }

 private:
  struct State {
    std::shared_ptr<Registration> registration;  // null: not wanted any more
    Wait wait{};
    std::function<void()> fn;
  };
  static void Arm(const std::shared_ptr<State>& state) {
    state->registration->Wait(state->wait, [state](const error_code& ec) {
      if (ec || !state->registration) return;
      state->fn();
      if (state->registration) Arm(state);
    });
  }
  std::shared_ptr<State> state_;
};

class SignalHandle final : public Loop::Handle {
 public:
  SignalHandle(asio::io_context& io, int number, std::function<void(int)> fn)
      : state_(std::make_shared<State>(io, number, std::move(fn))) {
    Arm(state_);
  }
  ~SignalHandle() override {
    state_->live = false;
    error_code ignored;
    state_->signals.cancel(ignored);
  }

 private:
  struct State {
    State(asio::io_context& io, int number, std::function<void(int)> f)
        : signals(io, number), fn(std::move(f)) {}
    asio::signal_set signals;
    std::function<void(int)> fn;
    bool live = true;
  };
  static void Arm(const std::shared_ptr<State>& state) {
    state->signals.async_wait([state](const error_code& ec, int number) {
      if (ec || !state->live) return;
      state->fn(number);
      if (state->live) Arm(state);
    });
  }
  std::shared_ptr<State> state_;
};

class AsioLoop final : public Loop {
 public:
  Mono Now() const override { return std::chrono::steady_clock::now(); }
  Wall WallNow() const override { return NowWall(); }
  void Post(std::function<void()> fn) override { asio::post(io_, std::move(fn)); }
  Watch After(std::chrono::nanoseconds delay, std::function<void()> fn) override {
    return std::make_unique<TimerHandle>(io_, delay, std::move(fn));
  }
  Watch OnReadable(int fd, std::function<void()> fn) override {
    return std::make_unique<DescriptorHandle>(Register(fd), asio::posix::descriptor_base::wait_read,
                                              std::move(fn));
  }
  Watch OnWritable(int fd, std::function<void()> fn) override {
    return std::make_unique<DescriptorHandle>(
        Register(fd), asio::posix::descriptor_base::wait_write, std::move(fn));
  }
  Watch OnSignal(int number, std::function<void(int)> fn) override {
    return std::make_unique<SignalHandle>(io_, number, std::move(fn));
  }
  void Run() override {
    {
      const auto work = asio::make_work_guard(io_);
      io_.run();
    }
    // After the guard has gone: its end would stop the context again.
    io_.restart();
  }
  void Stop() override { io_.stop(); }

 private:
  std::shared_ptr<Registration> Register(int fd) {
    std::weak_ptr<Registration>& known = registrations_[fd];
    std::shared_ptr<Registration> registration = known.lock();
    if (!registration) {
      registration = std::make_shared<Registration>(io_, fd);
      known = registration;
    }
    return registration;
  }

  asio::io_context io_{1};
  std::unordered_map<int, std::weak_ptr<Registration>> registrations_;
};

}  // namespace

std::unique_ptr<Loop> MakeAsioLoop() {
  return std::make_unique<AsioLoop>();
}

}  // namespace tend
