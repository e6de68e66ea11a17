#include "supervisor/probes/file_watch.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

namespace tend::probes {
namespace {

// Not IN_CLOSE_WRITE: a program that only opens its files for writing changes nothing.
constexpr std::uint32_t kEvents = IN_CREATE | IN_DELETE | IN_MODIFY | IN_ATTRIB | IN_MOVED_FROM |
                                  IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_EXCL_UNLINK |
                                  IN_ONLYDIR;
constexpr std::size_t kStepFolders = 64;
constexpr auto kTouched = std::chrono::seconds(5);

std::string ParentOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

std::string Below(const std::string& folder, const std::string& name) {
  return folder == "/" ? '/' + name : folder + '/' + name;
}

}  // namespace

FileWatch::FileWatch(Loop& loop, Options options, Callbacks callbacks)
    : loop_(loop),
      options_(std::move(options)),
      filter_(options_.ignore, options_.own),
      callbacks_(std::move(callbacks)) {
  for (const std::string& path : options_.paths)
    roots_.push_back({path, Is::kMissing});
  step_ = loop_.After(std::chrono::nanoseconds(0), [this] { Begin(); });
  walk_.push_back({});  // not settled before that
}

FileWatch::Is FileWatch::Look(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return Is::kMissing;
  return S_ISDIR(info.st_mode) ? Is::kFolder : Is::kFile;
}

// Everything from the start, with a new queue: what the old one still has is about what is gone.
void FileWatch::Begin() {
  readable_.reset();
  folders_.clear();
  walk_.clear();
  step_.reset();
  inotify_.Reset(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!inotify_.valid()) return Incomplete(SysError("watch files", errno).message());
  readable_ = loop_.OnReadable(inotify_.get(), [this] { OnReadable(); });
  for (std::size_t i = 0; i < roots_.size(); ++i)
    Attach(static_cast<int>(i));
}

void FileWatch::Attach(int index) {
  Root& root = roots_[static_cast<std::size_t>(index)];
  root.is = Look(root.path);
  if (root.is == Is::kFolder) WalkLater(root.path, index);
  // Its name is awaited in the nearest folder that is there: it may come, go and come back.
  std::string folder = ParentOf(root.path);
  while (Look(folder) != Is::kFolder && folder != "/")
    folder = ParentOf(folder);
  if (Folder* above = root.path == "/" ? nullptr : Add(folder)) above->awaited.insert(index);
}

FileWatch::Folder* FileWatch::Add(const std::string& path) {
  if (folders_.size() >= options_.folders_max) {
    Incomplete("more than " + std::to_string(options_.folders_max) + " folders");
    return nullptr;
  }
  const int wd = ::inotify_add_watch(inotify_.get(), path.c_str(), kEvents);
  if (wd < 0) {
    // One that went away in the meantime, or that we may not read, is none of ours.
    if (errno == ENOSPC || errno == ENOMEM) {
      Incomplete("the kernel takes no more (fs.inotify.max_user_watches)");
    }
    return nullptr;
  }
  Folder& folder = folders_[wd];
  folder.path = path;
  return &folder;
}

void FileWatch::WalkLater(std::string path, int tree) {
  walk_.push_back({std::move(path), tree});
  if (!step_) step_ = loop_.After(std::chrono::nanoseconds(0), [this] { Walk(); });
}

void FileWatch::Walk() {
  const Loop::Watch done = std::move(step_);
  for (std::size_t i = 0; i < kStepFolders && !walk_.empty(); ++i) {
    const Step step = std::move(walk_.front());
    walk_.pop_front();
    WalkOne(step);
  }
  if (!walk_.empty()) step_ = loop_.After(std::chrono::nanoseconds(0), [this] { Walk(); });
}

void FileWatch::WalkOne(const Step& step) {
  Folder* folder = Add(step.path);
  if (folder == nullptr) return;
  folder->tree = step.tree;
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(step.path.c_str()), ::closedir);
  if (!stream) return;
  const std::string& root = roots_[static_cast<std::size_t>(step.tree)].path;
  while (const dirent* entry = ::readdir(stream.get())) {  // NOLINT(concurrency-mt-unsafe): ours
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    const std::string path = Below(step.path, name);
    struct stat info {};
    const bool is_folder =
        entry->d_type == DT_DIR ||
        (entry->d_type == DT_UNKNOWN && ::lstat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode));
    if (!is_folder || filter_.Ignores(root, path.substr(root.size() + 1), true)) continue;
    WalkLater(path, step.tree);
  }
}

void FileWatch::OnReadable() {
  alignas(inotify_event) std::array<char, 16384> buffer;
  const ssize_t size = ::read(inotify_.get(), buffer.data(), buffer.size());
  for (std::size_t at = 0; size > 0 && at < static_cast<std::size_t>(size);) {
    inotify_event event{};
    std::memcpy(&event, buffer.data() + at, sizeof event);
    // The name is padded with NUL bytes.
    const char* name = buffer.data() + at + sizeof event;
    OnEvent(event, event.len == 0 ? std::string() : std::string(name));
    at += sizeof event + event.len;
  }
  if (std::exchange(begin_anew_, false)) Begin();
}

void FileWatch::OnEvent(const inotify_event& event, const std::string& name) {
  if ((event.mask & IN_Q_OVERFLOW) != 0) {
    begin_anew_ = true;
    return Changed("more than the kernel could tell");
  }
  const auto found = folders_.find(event.wd);
  if (found == folders_.end()) return;
  if ((event.mask & IN_IGNORED) != 0) {
    folders_.erase(found);
    return;
  }
  const Folder folder = found->second;
  if ((event.mask & (IN_DELETE_SELF | IN_MOVE_SELF)) != 0) {
    // That one inside a tree is gone is said by the folder above it.
    const bool is_top = folder.tree < 0 || !folder.awaited.empty() ||
                        roots_[static_cast<std::size_t>(folder.tree)].path == folder.path;
    if (is_top) begin_anew_ = true;
    if (is_top && folder.tree >= 0) Changed(folder.path);
    return;
  }
  if (folder.tree >= 0) InTree(folder, event, name);
  const bool is_attribute = (event.mask & IN_ATTRIB) != 0;
  if (!is_attribute || WasTouched(Below(folder.path, name))) InAwaited(folder, name);
}

void FileWatch::InTree(const Folder& folder, const inotify_event& event, const std::string& name) {
  if (name.empty()) return;
  const std::string& root = roots_[static_cast<std::size_t>(folder.tree)].path;
  const std::string path = Below(folder.path, name);
  const bool is_folder = (event.mask & IN_ISDIR) != 0;
  if (filter_.Ignores(root, path.substr(root.size() + 1), is_folder)) return;
  if ((event.mask & IN_ATTRIB) != 0) {
    if (WasTouched(path)) Changed(path);
    return;
  }
  Changed(path);
  if (!is_folder) return;
  if ((event.mask & (IN_CREATE | IN_MOVED_TO)) != 0) WalkLater(path, folder.tree);
  // Its watches would go on under names that are not true any more.
  if ((event.mask & IN_MOVED_FROM) != 0) begin_anew_ = true;
}

// `touch` changes the time of a file, chmod does not.
bool FileWatch::WasTouched(const std::string& path) const {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0 || S_ISDIR(info.st_mode)) return false;
  const Wall modified(std::chrono::seconds(info.st_mtim.tv_sec));
  return loop_.WallNow() - modified < kTouched;
}

void FileWatch::InAwaited(const Folder& folder, const std::string& name) {
  const std::string path = Below(folder.path, name);
  for (const int index : folder.awaited) {
    Root& root = roots_[static_cast<std::size_t>(index)];
    const bool is_it = root.path == path;
    if (!is_it && !root.path.starts_with(path + '/')) continue;
    const Is was = root.is;
    const Is now = Look(root.path);
    // A folder says itself what changes in it.
    if (was == Is::kFolder && now == Is::kFolder) continue;
    if (was != Is::kMissing || now != Is::kMissing) Changed(root.path);
    if (was != now || now == Is::kMissing) Attach(index);
  }
}

void FileWatch::Changed(const std::string& path) {
  const Mono now = loop_.Now();
  if (!quiet_) {
    changed_ = path;
    changed_at_ = now;
  }
  const auto quiet = std::max(options_.quiet, kQuietMin);
  const Mono latest = changed_at_ + std::max(quiet, kQuietMax);
  const auto wait = std::min(quiet, std::max<std::chrono::nanoseconds>(latest - now, {}));
  quiet_ = loop_.After(wait, [this] {
    quiet_.reset();
    callbacks_.on_change(changed_);
  });
}

void FileWatch::Incomplete(const std::string& why) {
  if (std::exchange(is_incomplete_, true)) return;
  loop_.Post([tell = callbacks_.on_incomplete, why] { tell(why); });
}

}  // namespace tend::probes
