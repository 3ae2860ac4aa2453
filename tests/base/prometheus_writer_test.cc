#include "base/prometheus_writer.h"

#include <gtest/gtest.h>

#include <array>

namespace modelfs {
namespace {

TEST(PrometheusWriter, SaysOfEachFamilyWhatItIs) {
  PrometheusWriter text;
  text.family("commits_total", PrometheusWriter::Type::Counter, "Commits.");
  text.sample({{"kind", "release"}}, std::uint64_t{3});
  text.sample({{"kind", "label"}, {"by", "root"}}, std::uint64_t{0});
  text.family("load", PrometheusWriter::Type::Gauge, "Load.");
  text.sample({}, 0.25);

  EXPECT_EQ(text.text(),
            "# HELP commits_total Commits.\n"
            "# TYPE commits_total counter\n"
            "commits_total{kind=\"release\"} 3\n"
            "commits_total{kind=\"label\",by=\"root\"} 0\n"
            "# HELP load Load.\n"
            "# TYPE load gauge\n"
            "load 0.25\n");
}

TEST(PrometheusWriter, CountsAHistogramsBucketsUp) {
  PrometheusWriter text;
  text.family("seconds", PrometheusWriter::Type::Histogram, "Times.");
  text.histogram({{"kind", "open"}}, std::array{1e-05, 0.1, 10.0}, std::array<std::uint64_t, 4>{1, 0, 2, 4}, 99.5);

  EXPECT_EQ(text.text(),
            "# HELP seconds Times.\n"
            "# TYPE seconds histogram\n"
            "seconds_bucket{kind=\"open\",le=\"1e-05\"} 1\n"
            "seconds_bucket{kind=\"open\",le=\"0.1\"} 1\n"
            "seconds_bucket{kind=\"open\",le=\"10\"} 3\n"
            "seconds_bucket{kind=\"open\",le=\"+Inf\"} 7\n"
            "seconds_sum{kind=\"open\"} 99.5\n"
            "seconds_count{kind=\"open\"} 7\n");
}

TEST(PrometheusWriter, EscapesWhatWouldEndALabelOrALine) {
  PrometheusWriter text;
  text.family("f", PrometheusWriter::Type::Gauge, "a \"b\" \\ c\nd");
  text.sample({{"name", "a\"b\\c\nd"}}, std::uint64_t{1});

  EXPECT_EQ(text.text(),
            "# HELP f a \"b\" \\\\ c\\nd\n"
            "# TYPE f gauge\n"
            "f{name=\"a\\\"b\\\\c\\nd\"} 1\n");
}

TEST(PrometheusWriter, IsUtf8WhateverItIsGiven) {
  for (const auto& [given, shown] : std::initializer_list<std::pair<std::string_view, std::string_view>>{
           {"h\u00e9\u20ac\U0001f600", "h\u00e9\u20ac\U0001f600"},
           {"\xff", "\ufffd"},
           {"a\xc3", "a\ufffd"},
           {"\xc3\"", "\ufffd\\\""},
           {"\xc0\x80", "\ufffd\ufffd"},
           {"\xed\xa0\x80", "\ufffd\ufffd\ufffd"},
           {"\xf4\x90\x80\x80", "\ufffd\ufffd\ufffd\ufffd"}}) {
    PrometheusWriter text;
    text.family("f", PrometheusWriter::Type::Gauge, "");
    text.sample({{"name", given}}, std::uint64_t{1});

    EXPECT_TRUE(text.text().ends_with("f{name=\"" + std::string(shown) + "\"} 1\n")) << text.text();
  }
}

}  // namespace
}  // namespace modelfs
