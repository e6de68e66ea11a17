#include "collector/file_follower.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace tend::collector {
namespace {

constexpr std::size_t kReadBytes = 64 * 1024;
constexpr std::uint32_t kFileEvents = IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF;

}  // namespace

FileFollower::FileFollower(Loop& loop,
                           Collector& collector,
                           const WorkerRef& worker,
                           std::shared_ptr<FilePositions> positions,
                           Options options,
                           Tell tell)
    : loop_(loop),
      collector_(collector),
      worker_(std::make_shared<const WorkerRef>(worker)),
      positions_(std::move(positions)),
      options_(std::move(options)),
      tell_(std::move(tell)),
      buffer_(kReadBytes, '\0'),
      inotify_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {}

FileFollower::~FileFollower() = default;

void FileFollower::Begin() {
  if (positions_) Restore();
  Look();
  begun_ = true;
}

std::unique_ptr<FileFollower::File> FileFollower::Hold(std::unique_ptr<FollowedFile> file,
                                                       const std::string& name) {
  auto held = std::make_unique<File>();
  held->file = std::move(file);
  held->name = name;
  held->grew = loop_.Now();
  if (inotify_.valid()) {
    // By the descriptor: the name may be another file's by now.
    const std::string path = "/proc/self/fd/" + std::to_string(held->file->fd());
    held->watch = ::inotify_add_watch(inotify_.get(), path.c_str(), kFileEvents);
  }
  if (held->watch >= 0) watches_[held->watch] = held.get();
  return held;
}

void FileFollower::Record(File& file, std::uint64_t cursor) {
  if (!positions_) return;
  auto added = positions_->Add(file.name, file.file->identity(), cursor);
  if (!added) return TellError(file.told_error, file.name, added.error());
  file.file->SetPosition(*std::move(added));
}

// What stat says of it.
void FileFollower::CheckFile(File& file) {
  const auto state = file.file->State();
  if (!state) return;
  if (file.file->WasEmptied(*state)) Emptied(file, state->size);
  if (state->size != file.file->offset()) file.dirty = true;
}

void FileFollower::Emptied(File& file, std::uint64_t size) {
  tell_(FactId::kFileEmptied, {{"file", file.name},
                               {"read", std::to_string(file.file->offset())},
                               {"size", std::to_string(size)}});
  const std::shared_ptr<FilePosition> before = file.file->position();
  auto batch = std::make_shared<RecordBatch>();
  file.file->BeginAnew(*batch);
  Record(file, 0);
  Publish(file, std::move(batch));
  // After the new one is there: a process that begins between both takes the newer.
  if (before) before->Close(0);
  file.dirty = true;
}

void FileFollower::Close(File& file) {
  auto batch = std::make_shared<RecordBatch>();
  file.file->Finish(*batch);
  Publish(file, std::move(batch));
  if (file.watch < 0) return;
  watches_.erase(file.watch);
  (void)::inotify_rm_watch(inotify_.get(), file.watch);
}

void FileFollower::Publish(File& file, std::shared_ptr<RecordBatch> batch) {
  if (batch->lines.empty()) return;
  collector_.Deliver(worker_, file.file->stream(), std::move(batch), file.file->in_piece());
}

void FileFollower::TellError(bool& told, const std::string& name, const Error& error) const {
  if (std::exchange(told, true)) return;
  tell_(FactId::kFileUnreadable, {{"file", name}, {"error", error.message()}});
}

std::vector<FileFollower::File*> FileFollower::Files() {
  std::vector<File*> files;
  for (const auto& file : leaving_)
    files.push_back(file.get());
  for (const auto& [name, path] : paths_) {
    if (path->current) files.push_back(path->current.get());
  }
  return files;
}

void FileFollower::Listen() {
  turn_.reset();
  if (!readable_ && inotify_.valid()) {
    readable_ = loop_.OnReadable(inotify_.get(), [this] {
      ReadEvents();
      TakeTurn();
    });
  }
}

void FileFollower::ReadEvents() {
  if (!inotify_.valid()) return;
  alignas(inotify_event) std::array<char, 16384> buffer;
  for (;;) {
    const ssize_t size = ::read(inotify_.get(), buffer.data(), buffer.size());
    if (size <= 0) return;
    for (std::size_t at = 0; at < static_cast<std::size_t>(size);) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof event);
      at += sizeof event + event.len;
      const auto watched = watches_.find(event.wd);
      if (watched != watches_.end()) watched->second->dirty = true;
      if (watched == watches_.end() || event.mask != IN_MODIFY) LookSoon();
    }
  }
}

void FileFollower::TakeTurn() {
  turn_.reset();
  bool all_taken = true;
  bool took = false;
  std::vector<std::string> behind;  // names whose older file has more
  for (File* file : Files()) {
    const bool waits = std::find(behind.begin(), behind.end(), file->name) != behind.end();
    if (!file->dirty || waits) continue;
    if (!HasRoom()) {
      waits_for_room_ = true;
      readable_.reset();
      return;
    }
    took = true;
    file->dirty = !TakeFrom(*file);
    if (!file->dirty) continue;
    all_taken = false;
    behind.push_back(file->name);
  }
  if (!took) return Listen();
  // What is written in the meantime is taken at once.
  readable_.reset();
  const auto rest = all_taken ? options_.coalesce : std::chrono::nanoseconds(0);
  turn_ = loop_.After(rest, [this] {
    ReadEvents();
    TakeTurn();
  });
}

bool FileFollower::TakeFrom(File& file) {
  const auto state = file.file->State();
  if (state && file.file->WasEmptied(*state)) Emptied(file, state->size);
  auto batch = std::make_shared<RecordBatch>();
  auto taken = file.file->Take(buffer_, options_.take_max_bytes, *batch);
  Publish(file, std::move(batch));
  if (!taken) {
    TellError(file.told_error, file.name, taken.error());
    return true;
  }
  if (taken->bytes > 0) file.grew = loop_.Now();
  return taken->at_end;
}

void FileFollower::Resume() {
  if (std::exchange(waits_for_room_, false)) TakeTurn();
}

void FileFollower::Finish() {
  readable_.reset();
  look_.reset();
  soon_.reset();
  turn_.reset();
  for (File* file : Files()) {
    CheckFile(*file);
    // Not for ever, where somebody writes as fast as we read.
    const auto state = file->file->State();
    const std::uint64_t end = state ? state->size : 0;
    while (HasRoom() && file->file->offset() < end && !TakeFrom(*file)) {
    }
  }
}

std::size_t FileFollower::open_files() const {
  return leaving_.size() +
         static_cast<std::size_t>(std::count_if(paths_.begin(), paths_.end(), [](const auto& path) {
           return path.second->current != nullptr;
         }));
}

std::vector<std::string> FileFollower::Missing() const {
  std::vector<std::string> missing;
  for (const auto& [name, path] : paths_) {
    if (!path->by_glob && !path->current) missing.push_back(name);
  }
  return missing;
}

}  // namespace tend::collector
