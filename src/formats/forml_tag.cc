#include "formats/forml_tag.h"

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <sstream>
#include <unordered_set>

#include "base/names.h"
#include "formats/toml_bounds.h"

namespace modelfs {
namespace {

Status bad_tag(std::string_view why) { return {Code::Malformed, "tag.toml " + std::string(why)}; }

// As Python's uuid prints it: the state's file is named so.
bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    const bool hex = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f');
    if (dash ? text[i] != '-' : !hex) return false;
  }
  return true;
}

// A value as it stands in the tag, a text without its quotes; empty for none, for what is no value, and for more text
// than a value of these has.
std::string text_of(const toml::table& table, std::string_view section, std::string_view key) {
  std::ostringstream text;
  table[section][key].visit([&](const auto& node) {
    if constexpr (toml::is_value<decltype(node)>) text << node.get();
  });
  std::string value = std::move(text).str();
  return value.size() <= kTagValueBytesMax ? value : std::string();
}

}  // namespace

Result<Tag> parse_tag(std::string_view text) {
  if (text.size() > kTagBytesMax) return bad_tag("is larger than " + std::to_string(kTagBytesMax) + " bytes");
  if (!is_utf8(text)) return bad_tag("is not UTF-8");
  if (const Status status = check_toml_bounds(text); !status.ok())
    return bad_tag("cannot be read: " + status.message());
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed) {
    return bad_tag("cannot be read: line " + std::to_string(parsed.error().source().begin.line) + ": " +
                   printable(parsed.error().description()));
  }
  const toml::table& table = parsed.table();
  for (const char* section : {"training", "tuning"}) {
    if (!table[section].is_table()) return bad_tag("has no [" + std::string(section) + "]");
  }
  const toml::array* const states = table["states"].as_array();
  if (states == nullptr) return bad_tag("has no list of states");
  Tag tag;
  std::unordered_set<std::string> seen;
  for (const toml::node& each : *states) {
    const auto state = each.value_exact<std::string>();
    if (!state || !is_uuid(*state)) return bad_tag("names a state that is not a UUID in lower case");
    if (!seen.insert(*state).second) return bad_tag("names the state " + *state + " twice");
    tag.states.push_back(*state);
  }
  tag.trained = text_of(table, "training", "timestamp");
  tag.ordinal = text_of(table, "training", "ordinal");
  tag.tuned = text_of(table, "tuning", "timestamp");
  tag.score = text_of(table, "tuning", "score");
  return tag;
}

std::string make_tag(TimeNs trained) {
  const std::time_t seconds = raw(trained) / 1'000'000'000;
  std::tm parts{};
  std::array<char, 32> text{};
  ::gmtime_r(&seconds, &parts);
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  return "states = []\n\n[training]\ntimestamp = " + std::string(text.data(), size) + "\n\n[tuning]\n";
}

}  // namespace modelfs
