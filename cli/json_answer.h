// An object of JSON that somebody answered, to be read: what is absent or of another kind is empty,
// 0 or false. Cheap to copy.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace boost::json {
class object;
class value;
}  // namespace boost::json

namespace tend::cli {

class JsonAnswer {
 public:
  // Of what is no object: nothing.
  static std::optional<JsonAnswer> Parse(std::string_view text);
  // The same, with nothing in it.
  static JsonAnswer ParseOrEmpty(std::string_view text);

  bool Has(std::string_view key) const;
  std::string Text(std::string_view key) const;
  // Text for a terminal, which would obey control characters.
  std::string Shown(std::string_view key) const;
  bool IsTrue(std::string_view key) const;
  double Number(std::string_view key) const;
  std::uint64_t Count(std::string_view key) const;
  std::optional<std::int64_t> Integer(std::string_view key) const;
  // Of all members that are numbers.
  std::uint64_t Sum() const;
  std::optional<JsonAnswer> Object(std::string_view key) const;
  // The objects of a list; nothing: there is no such list.
  std::optional<std::vector<JsonAnswer>> Objects(std::string_view key) const;

 private:
  using Root = std::shared_ptr<const boost::json::value>;
  JsonAnswer(Root root, const boost::json::object& object)
      : root_(std::move(root)), object_(&object) {}
  const boost::json::value* Find(std::string_view key) const;

  Root root_;  // what `object_` is a part of
  const boost::json::object* object_;
};

}  // namespace tend::cli
