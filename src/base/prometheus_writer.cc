#include "base/prometheus_writer.h"

#include <array>
#include <charconv>

#include "base/utf8.h"

namespace modelfs {
namespace {

std::string escaped(std::string_view text, bool is_quoted) {
  std::string result;
  while (!text.empty()) {
    const std::size_t size = utf8_sequence_bytes(text);
    const char first = text.front();
    if (size == 0) {
      result += "\ufffd";
    } else if (first == '\\' || (is_quoted && first == '"')) {
      result += {'\\', first};
    } else if (first == '\n') {
      result += "\\n";
    } else {
      result += text.substr(0, size);
    }
    text.remove_prefix(size == 0 ? 1 : size);
  }
  return result;
}

template <class Number>
std::string text_of_number(Number value) {
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  return {digits.data(), end};
}

const char* name_of(PrometheusWriter::Type type) {
  switch (type) {
    case PrometheusWriter::Type::Counter: return "counter";
    case PrometheusWriter::Type::Gauge: return "gauge";
    case PrometheusWriter::Type::Histogram: return "histogram";
  }
  return "untyped";  // not reached with a valid type
}

}  // namespace

void PrometheusWriter::family(std::string_view name, Type type, std::string_view help) {
  name_ = name;
  text_ += "# HELP " + name_ + " " + escaped(help, false) + "\n# TYPE " + name_ + " " + name_of(type) + "\n";
}

void PrometheusWriter::add(std::string_view suffix, const Labels& labels, std::string_view bound,
                           std::string_view value) {
  text_ += name_;
  text_ += suffix;
  char before = '{';
  const auto add_label = [&](std::string_view label, std::string_view label_value) {
    text_ += before;
    text_ += label;
    text_ += "=\"" + escaped(label_value, true) + "\"";
    before = ',';
  };
  for (const auto& [label, label_value] : labels) add_label(label, label_value);
  if (!bound.empty()) add_label("le", bound);
  if (before == ',') text_ += '}';
  text_ += ' ';
  text_ += value;
  text_ += '\n';
}

void PrometheusWriter::sample(const Labels& labels, std::uint64_t value) { add("", labels, "", text_of_number(value)); }

void PrometheusWriter::sample(const Labels& labels, double value) { add("", labels, "", text_of_number(value)); }

void PrometheusWriter::histogram(const Labels& labels, std::span<const double> bounds,
                                 std::span<const std::uint64_t> counts, double hash) {
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    total += counts[i];
    add("_bucket", labels, i < bounds.size() ? text_of_number(bounds[i]) : "+Inf", text_of_number(total));
  }
  add("_sum", labels, "", text_of_number(hash));
  add("_count", labels, "", text_of_number(total));
}

}  // namespace modelfs
