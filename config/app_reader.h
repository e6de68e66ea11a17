// One tree of values → Config, through the table of keys. Used by config/reader.cc only. What is
// not about apps is read in observe_reader.cc.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "config/app_checks.h"
#include "config/document.h"
#include "config/keys.h"
#include "config/reader.h"

namespace tend::config {

class TreeReader {
 public:
  TreeReader(Dialect dialect, bool strict, std::string file);

  // Reads the whole file; problems are added to those of `loaded`.
  void Read(const Value& root, Loaded& loaded);

 private:
  struct Given {
    std::string spelling;
    Mark mark;
    bool is_alias;
  };
  // One level of the file: where settings go, and which keys have been seen.
  struct Level {
    Scope scope;
    Target target;
    std::string where;  // "apps[0]"
    std::string owner;  // " in app \"web\""
    std::map<std::string_view, Given> given;
  };

  // `metrics`, `export` or `notify`; false: it is none of them.
  bool ReadObserve(const Member& member, Level& top);
  // Named entries of `export` or `notify`.
  void ReadExporters(const Member& section);
  void ReadReceivers(const Member& section);
  // The entry's keys; false if it is none, or has a name that it cannot have.
  bool ReadEntry(const Member& section, const Member& entry, Level& level);
  // What its keys mean together.
  void FinishEntry(const Member& entry, const std::vector<Finding>& findings, const Level& level);
  void ReadApps(const Value& apps, const std::string& where);
  void ReadApp(const Value& app, const std::string& where);
  // Keys of `map`, whose paths begin with `prefix`.
  void ReadGroup(const Value& map, const std::string& prefix, Level& level);
  void ReadMember(const Member& member, const std::string& path, Level& level);
  void Apply(const Key& key, const Member& member, const std::string& path, Level& level);
  // True if the key was there already, which has been said.
  bool GivenBefore(const Key& key, const Member& member, const KeyMatch& match, Level& level);
  void UnknownKey(const Member& member, const std::string& path, const Level& level);
  void NotUnderstood(const Key& key, const Member& member, const Level& level);
  // What several keys mean together.
  void FinishApp(const Value& app, AppConfig& config, Level& level);
  void CheckNames();

  void Add(bool is_error,
           const char* code,
           Mark mark,
           std::string where,
           std::string message,
           std::string help = {});

  Dialect dialect_;
  bool strict_;  // what is not understood is an error
  std::string file_;
  Loaded* loaded_ = nullptr;
  std::vector<Mark> app_marks_;
  std::set<std::string> sections_;  // of what leaves, that were read
};

}  // namespace tend::config
