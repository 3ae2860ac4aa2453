// Figures in the text format that Prometheus reads: version 0.0.4.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace modelfs {

// Used by one thread.
class PrometheusWriter {
 public:
  enum class Type { Counter, Gauge, Histogram };
  using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

  // Begins a family, to which all samples belong until the next one. `name`: [a-z_]+, once in a text; a counter's ends
  // in "_total", a time's in "_seconds". `help`: any text.
  void family(std::string_view name, Type type, std::string_view help);
  // Label names are [a-z_]+, their values any text; what is not UTF-8 in them becomes U+FFFD, because otherwise a
  // reader would reject the whole text.
  void sample(const Labels& labels, std::uint64_t value);
  void sample(const Labels& labels, double value);
  // One histogram of the family: `counts` of what was at most each of `bounds` and above the one before; the last
  // count, one more than there are bounds, of all beyond.
  void histogram(const Labels& labels, std::span<const double> bounds, std::span<const std::uint64_t> counts,
                 double hash);

  const std::string& text() const { return text_; }

 private:
  void add(std::string_view suffix, const Labels& labels, std::string_view bound, std::string_view value);

  std::string name_;  // of the family
  std::string text_;
};

}  // namespace modelfs
