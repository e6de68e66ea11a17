#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <glob.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "collector/file_follower.h"

namespace tend::collector {
namespace {

constexpr auto kSoon = std::chrono::milliseconds(100);
constexpr std::uint32_t kFolderEvents = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO |
                                        IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
// Of a pattern that fits names of rotated files, too.
constexpr auto kPacked = std::to_array<std::string_view>({".gz", ".zst", ".bz2", ".xz"});

bool IsGlob(const std::string& pattern) {
  return pattern.find_first_of("*?[") != std::string::npos;
}

std::string FolderOf(std::string path) {
  path.resize(std::min(path.size(), path.find_first_of("*?[")));
  const std::size_t slash = path.rfind('/');
  return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

bool IsPacked(std::string_view path) {
  return std::any_of(kPacked.begin(), kPacked.end(),
                     [&](std::string_view end) { return path.ends_with(end); });
}

std::vector<std::string> Matches(const std::string& pattern) {
  std::vector<std::string> paths;
  glob_t found{};
  if (::glob(pattern.c_str(), GLOB_NOSORT, nullptr, &found) == 0) {
    for (std::size_t i = 0; i < found.gl_pathc; ++i)
      paths.emplace_back(found.gl_pathv[i]);
  }
  ::globfree(&found);
  std::erase_if(paths, [](const std::string& path) { return IsPacked(path); });
  return paths;
}

FileState StateOf(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return {};
  return {info.st_dev, info.st_ino, static_cast<std::uint64_t>(info.st_size), info.st_nlink};
}

// All that is in the folder of `path`, but for hidden files.
std::vector<std::string> Siblings(const std::string& path) {
  const std::string folder = path.substr(0, path.rfind('/') + 1);
  std::vector<std::string> siblings;
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::opendir(folder.c_str()), ::closedir);
  if (!entries) return siblings;
  while (const dirent* entry = ::readdir(entries.get())) {  // NOLINT(concurrency-mt-unsafe): ours
    if (entry->d_name[0] != '.') siblings.push_back(folder + entry->d_name);
  }
  return siblings;
}

// "app.log.1", "app.log-20261121" or "app__2026-11-21_00-00.log" for "app.log".
bool IsRotationOf(const std::string& path, const std::string& other) {
  const std::size_t dot = path.rfind('.');
  const std::string end = dot > path.rfind('/') && dot != std::string::npos ? path.substr(dot) : "";
  const std::string stem = path.substr(0, path.size() - end.size());
  std::string_view part = other;
  if (part.starts_with(path)) {
    part.remove_prefix(path.size());
  } else if (part.starts_with(stem) && part.ends_with(end) && part.size() > path.size()) {
    part = part.substr(stem.size(), part.size() - path.size());
  } else {
    return false;
  }
  return part.find_first_of("0123456789") != std::string_view::npos &&
         part.find_first_not_of("0123456789._-:TZ") == std::string_view::npos;
}

// Seconds and nanoseconds. Nothing where the file system does not know.
std::optional<std::pair<std::int64_t, std::uint32_t>> BornAt(int folder, const std::string& path) {
  struct statx info {};
  const int flags = path.empty() ? AT_EMPTY_PATH : 0;
  if (::statx(folder, path.c_str(), flags, STATX_BTIME | STATX_TYPE, &info) != 0 ||
      (info.stx_mask & STATX_BTIME) == 0 || !S_ISREG(info.stx_mode))
    return std::nullopt;
  return std::pair(info.stx_btime.tv_sec, info.stx_btime.tv_nsec);
}

// Those that were made since the open file was, the oldest first: it was rotated more than once.
std::vector<std::string> RotatedSince(const std::string& path, int fd) {
  const auto old = BornAt(fd, "");
  if (!old) return {};
  std::vector<std::pair<std::pair<std::int64_t, std::uint32_t>, std::string>> found;
  for (const std::string& other : Siblings(path)) {
    const auto born =
        IsRotationOf(path, other) && !IsPacked(other) ? BornAt(AT_FDCWD, other) : std::nullopt;
    if (born && *born > *old) found.emplace_back(*born, other);
  }
  std::sort(found.begin(), found.end());
  std::vector<std::string> paths;
  for (auto& file : found)
    paths.push_back(std::move(file.second));
  return paths;
}

bool IsSameFile(const FileIdentity& a, const FileIdentity& b) {
  return a.device == b.device && a.inode == b.inode;
}

bool IsSame(const FileState& state, const FollowedFile& file) {
  return state.inode == file.identity().inode && state.device == file.identity().device;
}

}  // namespace

const FileFollower::Source* FileFollower::SourceOf(const std::string& path) const {
  for (const Source& source : options_.sources) {
    const bool fits = IsGlob(source.pattern)
                          ? ::fnmatch(source.pattern.c_str(), path.c_str(), FNM_PATHNAME) == 0
                          : source.pattern == path;
    if (fits) return &source;
  }
  return nullptr;
}

void FileFollower::Restore() {
  std::vector<std::shared_ptr<FilePosition>> left = positions_->Left();
  std::sort(left.begin(), left.end(),
            [](const auto& a, const auto& b) { return a->id().incarnation < b->id().incarnation; });
  for (std::size_t i = 0; i < left.size(); ++i) {
    const FileIdentity identity = left[i]->identity();
    // Of a file that stands there twice the newer one holds.
    const bool is_old =
        std::any_of(left.begin() + static_cast<std::ptrdiff_t>(i) + 1, left.end(),
                    [&](const auto& newer) { return IsSameFile(newer->identity(), identity); });
    const Source* source = SourceOf(left[i]->path());
    if (is_old || source == nullptr) {
      left[i]->Close(0);
      continue;
    }
    known_.push_back(left[i]->path());
    RestoreOne(left[i], source->stream);
  }
  // What is older than the youngest of a name has been followed, though it may be forgotten by now.
  std::map<std::string, const FollowedFile*> youngest;
  for (const auto& file : leaving_)
    youngest[file->name] = file->file.get();
  for (const auto& [name, file] : youngest) {
    if (!IsSame(StateOf(name), *file)) TakeRotated(name, file->fd(), file->stream());
  }
}

void FileFollower::RestoreOne(const std::shared_ptr<FilePosition>& left, Stream stream) {
  auto opened = OpenLeft(*left, stream);
  if (!opened) {
    tell_(FactId::kFileLost, {{"file", left->path()}, {"read", std::to_string(left->cursor())}});
    return left->Close(0);
  }
  opened->StartAt(left->cursor());
  opened->SetPosition(left);
  // Whether it still has that name is seen when the names are looked at.
  leaving_.push_back(Hold(std::move(opened), left->path()));
}

bool FileFollower::IsFollowed(const FileIdentity& identity) {
  const std::vector<File*> files = Files();
  return std::any_of(files.begin(), files.end(), [&](const File* file) {
    return IsSameFile(file->file->identity(), identity);
  });
}

// What came and went under that name while nobody looked, after the open file.
void FileFollower::TakeRotated(const std::string& name, int after, Stream stream) {
  for (const std::string& path : RotatedSince(name, after)) {
    auto opened = FollowedFile::Open(path, stream);
    if (!opened || IsFollowed((*opened)->identity()) || open_files() >= options_.files_max)
      continue;
    leaving_.push_back(Hold(*std::move(opened), name));
    Record(*leaving_.back(), 0);
  }
}

// Under its name, or under that which somebody has given it, or its copy, since.
std::unique_ptr<FollowedFile> FileFollower::OpenLeft(const FilePosition& left,
                                                     Stream stream) const {
  const FileIdentity identity = left.identity();
  std::vector<std::string> paths = Siblings(left.path());
  paths.insert(paths.begin(), left.path());
  for (const std::string& path : paths) {
    const FileState state = StateOf(path);
    if (state.inode != identity.inode || state.device != identity.device) continue;
    // Not one that was emptied while nobody looked, or that was given the same inode.
    auto file = FollowedFile::Open(path, stream);
    if (file && (*file)->Is(identity)) return *std::move(file);
  }
  for (const std::string& path : paths) {
    if (!IsRotationOf(left.path(), path) || StateOf(path).size < left.cursor()) continue;
    auto file = FollowedFile::Open(path, stream);
    if (file && identity.head.bytes == kHeadBytes && (*file)->identity().head == identity.head)
      return *std::move(file);
  }
  return nullptr;
}

void FileFollower::Look() {
  soon_.reset();
  looked_ = loop_.Now();
  WatchFolders();
  Expand();
  for (auto& [name, path] : paths_)
    path->there = StateOf(name);
  for (auto& [name, path] : paths_)
    CheckPath(name, *path);
  for (File* file : Files())
    CheckFile(*file);
  DropFinished();
  look_ = loop_.After(options_.look, [this] { Look(); });
  if (!waits_for_room_ && !turn_) TakeTurn();
}

void FileFollower::LookSoon() {
  if (soon_) return;
  const Mono due = std::max(loop_.Now(), looked_ + kSoon);
  soon_ = loop_.After(due - loop_.Now(), [this] { Look(); });
}

// Again for one that is watched: no effect. So one that was away is found when it is back.
void FileFollower::WatchFolders() const {
  if (!inotify_.valid()) return;
  for (const Source& source : options_.sources)
    (void)::inotify_add_watch(inotify_.get(), FolderOf(source.pattern).c_str(), kFolderEvents);
}

void FileFollower::Expand() {
  for (const Source& source : options_.sources) {
    const bool by_glob = IsGlob(source.pattern);
    const auto names = by_glob ? Matches(source.pattern) : std::vector<std::string>{source.pattern};
    for (const std::string& name : names) {
      std::unique_ptr<Path>& path = paths_[name];
      if (path) continue;
      path = std::make_unique<Path>();
      path->stream = source.stream;
      path->by_glob = by_glob;
    }
  }
}

void FileFollower::CheckPath(const std::string& name, Path& path) {
  const bool is_there = path.there.inode != 0;
  if (!is_there || (path.current && IsSame(path.there, *path.current->file))) return;
  std::unique_ptr<File> before = std::move(path.current);
  if ((path.current = AdoptedBy(name, path))) {
    if (before) Leave(std::move(before));
    return;
  }
  // Another name of a file that is followed.
  for (const auto& other : paths_) {
    if (other.second->current && IsSame(path.there, *other.second->current->file)) {
      path.current = std::move(before);
      return;
    }
  }
  if (before) {
    const int fd = before->file->fd();
    Leave(std::move(before));
    TakeRotated(name, fd, path.stream);
  }
  OpenNew(name, path);
}

// The file that has this name now may have been followed under another one.
std::unique_ptr<FileFollower::File> FileFollower::AdoptedBy(const std::string& name,
                                                            const Path& path) {
  std::unique_ptr<File> file;
  for (auto it = leaving_.begin(); it != leaving_.end(); ++it) {
    if (!IsSame(path.there, *(*it)->file)) continue;
    file = std::move(*it);
    leaving_.erase(it);
    break;
  }
  for (auto& other : paths_) {
    if (file || other.second.get() == &path || !other.second->current) continue;
    const FollowedFile& followed = *other.second->current->file;
    if (!IsSame(path.there, followed) || IsSame(other.second->there, followed)) continue;
    file = std::move(other.second->current);
  }
  if (!file || file->name == name) return file;
  file->name = name;
  const auto& position = file->file->position();
  if (position && !position->SetPath(name)) position->Close(0);
  return file;
}

void FileFollower::OpenNew(const std::string& name, Path& path) {
  if (open_files() >= options_.files_max) {
    if (std::exchange(told_too_many_, true)) return;
    tell_(FactId::kFileUnreadable,
          {{"file", name},
           {"error", "more than " + std::to_string(options_.files_max) + " files are followed"}});
    return;
  }
  auto opened = FollowedFile::Open(name, path.stream);
  if (!opened) {
    if (opened.error().code() != Errc::kNotFound) TellError(path.told_error, name, opened.error());
    return;
  }
  path.told_error = false;
  const std::uint64_t start = StartOf(name, **opened);
  (*opened)->StartAt(start);
  path.current = Hold(*std::move(opened), name);
  Record(*path.current, start);
}

std::uint64_t FileFollower::StartOf(const std::string& name, const FollowedFile& file) const {
  if (begun_ || options_.from_start) return 0;
  // It came while nobody looked.
  const Source* source = SourceOf(name);
  for (const std::string& known : known_) {
    if (SourceOf(known) == source) return 0;
  }
  const auto state = file.State();
  return state ? state->size : 0;
}

void FileFollower::Leave(std::unique_ptr<File> file) {
  file->dirty = true;
  file->grew = loop_.Now();
  leaving_.push_back(std::move(file));
}

bool FileFollower::IsOver(const File& file) const {
  return !file.dirty && loop_.Now() - file.grew >= options_.linger;
}

void FileFollower::DropFinished() {
  std::erase_if(leaving_, [&](const auto& file) {
    if (!IsOver(*file)) return false;
    Close(*file);
    return true;
  });
  for (auto it = paths_.begin(); it != paths_.end();) {
    Path& path = *it->second;
    const bool is_gone = path.there.inode == 0;
    if (is_gone && path.current && IsOver(*path.current)) {
      const auto state = path.current->file->State();
      // One that was only moved away is read on: whoever writes it does not know.
      if (state && state->links == 0) {
        Close(*path.current);
        path.current.reset();
      }
    }
    it = is_gone && path.by_glob && !path.current ? paths_.erase(it) : std::next(it);
  }
}

}  // namespace tend::collector
