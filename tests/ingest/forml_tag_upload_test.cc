// Tags: generations of exactly the states that they name, whatever other trainers move about.
#include <atomic>
#include <string>
#include <thread>

#include "support/ingest_fixture.h"

namespace modelfs {
namespace {

constexpr const char* kOne = "14046f11-3dbb-4a0e-9f29-0f1dfb373ce8";
constexpr const char* kTwo = "a534f2da-dc3d-4353-8b85-e61d3728ca91";

class TagTest : public IngestFixture {
 protected:
  void SetUp() override {
    IngestFixture::SetUp();
    domain_ = std::make_unique<DomainName>(make_domain());
    ASSERT_TRUE(publish_bytes(*domain_, "churn/1.0", "package").ok());
    ASSERT_TRUE(registry_->garbage().finish_sweeping().ok());
    release_ = registry_->snapshot()->release(*domain_, "1.0")->ino;
    uploads_ = registry_->snapshot()->domain(*domain_)->uploads();
    stage_ = make_directory(release_, kStageName);
  }
  static std::string bin(const char* state) { return std::string(state) + ".bin"; }
  Result<Published> publish_tag(Ino draft, const std::string& number, const char* state,
                                std::function<void(const Published&)> on_published = {}) {
    const std::string text =
        "states = [ \"" + std::string(state) + "\",]\n\n[training]\ntimestamp = 2026-03-04T05:06:07\n\n[tuning]\n";
    const std::string name = "tag-" + number + state;
    const Ino file = write_file(uploads_, name, text);
    return ingest_->tags.publish(
        {file, uploads_, name, draft, release_, number, target("churn/1.0/" + number), kRoot, std::move(on_published)});
  }
  std::vector<std::string> names(Ino directory) {
    std::vector<std::string> found;
    const auto listed = registry_->drafts().tree().list(directory);
    for (const DraftName& each : *listed) found.push_back(each.name);
    return found;
  }

  std::unique_ptr<DomainName> domain_;
  Ino release_ = kNoIno;
  Ino uploads_ = kNoIno;
  Ino stage_ = kNoIno;
};

TEST_F(TagTest, AGenerationHasTheStatesOfItsTagAndTheTag) {
  const Ino draft = make_directory(release_, "1");
  write_file(draft, bin(kOne), "one");
  write_file(draft, bin(kTwo), "two");

  const auto published = publish_tag(draft, "1", kOne);

  ASSERT_TRUE(published.ok()) << published.status().str();
  EXPECT_EQ(published->file_count, 2u);
  EXPECT_EQ(read_committed(published->containers[0].first, bin(kOne)), "one");
  EXPECT_EQ(names(stage_), (std::vector<std::string>{bin(kTwo)}));
  EXPECT_TRUE(names(uploads_).empty());
}

// Another trainer moves its state in and out meanwhile: it is never published with ours, and never lost.
TEST_F(TagTest, WhatOthersMoveInMeanwhileIsNeitherTakenNorLost) {
  write_file(stage_, bin(kTwo), "two");
  for (int number = 1; number <= 100; ++number) {
    const std::string name = std::to_string(number);
    const Ino draft = make_directory(release_, name);
    write_file(draft, bin(kOne), "one");
    std::atomic<bool> done = false;
    std::thread other([&] {
      while (!done) (void)registry_->drafts().tree().rename(stage_, bin(kTwo), draft, bin(kTwo), false);
    });
    // A mount knows the draft as published from then on, and moves nothing there.
    const auto stop = [&](const Published&) {
      done = true;
      other.join();
    };
    const auto published = publish_tag(draft, name, kOne, stop);
    if (other.joinable()) stop({});

    ASSERT_TRUE(published.ok()) << published.status().str();
    ASSERT_EQ(published->file_count, 2u) << number;
    ASSERT_EQ(names(stage_), (std::vector<std::string>{bin(kTwo)})) << number;
    ASSERT_TRUE(registry_->garbage().finish_sweeping().ok());
  }
}

// Both have moved their states into one draft: one is published, the other goes on with the next number.
TEST_F(TagTest, OfTwoTagsForOneDraftOneWins) {
  for (int number = 1; number <= 100; number += 2) {
    const std::string name = std::to_string(number);
    const Ino draft = make_directory(release_, name);
    write_file(draft, bin(kOne), "one");
    write_file(draft, bin(kTwo), "two");
    Code second = Code::Ok;
    std::thread other([&] { second = publish_tag(draft, name, kTwo).code(); });
    const Code first = publish_tag(draft, name, kOne).code();
    other.join();

    ASSERT_NE(first == Code::Ok, second == Code::Ok) << number;
    ASSERT_EQ(first == Code::Ok ? second : first, Code::AlreadyExists) << number;
    const char* const loser = first == Code::Ok ? kTwo : kOne;
    ASSERT_EQ(names(stage_), (std::vector<std::string>{bin(loser)})) << number;
    ASSERT_TRUE(registry_->garbage().finish_sweeping().ok());
    const std::string next = std::to_string(number + 1);
    const Ino again = make_directory(release_, next);
    ASSERT_TRUE(registry_->drafts().tree().rename(stage_, bin(loser), again, bin(loser), false).ok());
    ASSERT_TRUE(publish_tag(again, next, loser).ok());
    ASSERT_TRUE(registry_->garbage().finish_sweeping().ok());
    for (const std::string& left : names(uploads_)) ASSERT_TRUE(registry_->drafts().tree().unlink(uploads_, left).ok());
  }
}

}  // namespace
}  // namespace modelfs
