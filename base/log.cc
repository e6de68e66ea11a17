#include "base/log.h"

#include <cstdlib>
#include <memory>
#include <vector>

#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace tend {
namespace {

constexpr std::size_t kFileSizeMax = 1 << 20;
constexpr std::size_t kFiles = 3;

spdlog::level::level_enum ToSpdlog(Level level) {
  switch (level) {
    case Level::kDebug:
      return spdlog::level::debug;
    case Level::kInfo:
      return spdlog::level::info;
    case Level::kWarning:
      return spdlog::level::warn;
    case Level::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

spdlog::level::level_enum LevelFromEnvironment() {
  const char* text =
      std::getenv("TEND_LOG_LEVEL");  // NOLINT(concurrency-mt-unsafe): before threads
  if (text == nullptr) return spdlog::level::info;
  for (const Level level : {Level::kDebug, Level::kInfo, Level::kWarning, Level::kError}) {
    if (LevelName(level) == text) return ToSpdlog(level);
  }
  return spdlog::level::info;
}

}  // namespace

void OpenLog(std::string_view role, const std::string& file, bool to_stderr) {
  std::vector<spdlog::sink_ptr> sinks;
  std::string why;
  if (!file.empty()) {
    try {
      sinks.push_back(
          std::make_shared<spdlog::sinks::rotating_file_sink_mt>(file, kFileSizeMax, kFiles - 1));
    } catch (const spdlog::spdlog_ex& failure) {
      why = failure.what();
    }
  }
  if (to_stderr || sinks.empty()) {
    sinks.push_back(std::make_shared<spdlog::sinks::stderr_sink_mt>());
  }
  auto logger = std::make_shared<spdlog::logger>(std::string(role), sinks.begin(), sinks.end());
  logger->set_level(LevelFromEnvironment());
  logger->flush_on(spdlog::level::info);
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%fZ %n[%P] %l %v", spdlog::pattern_time_type::utc);
  // A log that cannot be written must not take its writer down, nor be silent about it.
  logger->set_error_handler([](const std::string&) {});
  spdlog::set_default_logger(std::move(logger));
  if (!why.empty()) LogWarning("cannot open the log file: " + why);
}

void Log(Level level, std::string_view text) {
  spdlog::default_logger_raw()->log(ToSpdlog(level),
                                    spdlog::string_view_t(text.data(), text.size()));
}

}  // namespace tend
