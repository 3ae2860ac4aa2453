// One golden value for each kind of record. The hexadecimal was written by hand, from FORMAT.md.
#include "catalog/records.h"

#include <gtest/gtest.h>

#include "base/codec.h"
#include "catalog/record_version.h"
#include "catalog/samples.h"

namespace modelfs {
namespace {

const std::string kAA(64, 'a');
const std::string kBB(64, 'b');

// Per record: `kind` as its messages say it, `sample`, and `golden`, the sample's bytes.
template <class Record>
struct Golden;

template <>
struct Golden<DomainRecord> {
  static constexpr std::string_view kKind = "domain record";
  static DomainRecord sample() {
    return {Ino{64}, Ino{72}, {1000, 100, 02775}, TimeNs{1}, TimeNs{-1}, TimeNs{64}, Sequence{300}};
  }
  static std::string golden() { return "01 40 48 e807 64 fd0b 02 01 8001 ac02"; }
};

template <>
struct Golden<ReleaseRecord> {
  static constexpr std::string_view kKind = "release record";
  static ReleaseRecord sample() {
    ReleaseRecord record;
    record.version = "1.2";
    record.model_id = "id";
    record.sequence = Sequence{7};
    record.ino = Ino{64};
    record.faces = Ino{72};
    record.digest = digest_of_all(0xaa);
    record.manifest = digest_of_all(0xbb);
    record.published = TimeNs{1};
    record.changed = TimeNs{2};
    record.last_generation = Generation{3};
    record.takes_generations = false;
    record.metadata_given = true;
    record.file_count = 2;
    record.total_bytes = 128;
    record.uid = 1000;
    record.published_by = "ann";
    record.program = "cp";
    record.archive_suffix = ".tgz";
    return record;
  }
  static std::string golden() {
    return "01 03312e32 026964 07 40 48 " + kAA + kBB + " 02 04 03 00 01 02 8001 e807 03616e6e 026370 042e74677a";
  }
};

template <>
struct Golden<GenerationRecord> {
  static constexpr std::string_view kKind = "generation record";
  static GenerationRecord sample() {
    GenerationRecord record;
    record.number = Generation{3};
    record.sequence = Sequence{9};
    record.ino = Ino{80};
    record.faces = Ino{84};
    record.digest = digest_of_all(0xaa);
    record.manifest = digest_of_all(0xbb);
    record.published = TimeNs{1};
    record.metadata_given = true;
    record.file_count = 4;
    record.total_bytes = 5;
    record.uid = 1000;
    record.published_by = "ann";
    record.archive_suffix = ".zip";
    return record;
  }
  static std::string golden() { return "01 03 09 50 54 " + kAA + kBB + " 02 01 04 05 e807 03616e6e 042e7a6970"; }
};

template <>
struct Golden<LabelRecord> {
  static constexpr std::string_view kKind = "label record";
  static LabelRecord sample() { return {"1.2", Ino{96}, Sequence{8}, TimeNs{1}, 1000}; }
  static std::string golden() { return "01 03312e32 60 08 02 e807"; }
};

template <>
struct Golden<TombstoneRecord> {
  static constexpr std::string_view kKind = "tombstone record";
  static TombstoneRecord sample() {
    return {Sequence{10}, digest_of_all(0xaa), TimeNs{1}, "id", Ino{96}, Ino{104}, true, false};
  }
  static std::string golden() { return "01 0a " + kAA + " 02 026964 60 68 01 00"; }
};

template <>
struct Golden<PlacementRecord> {
  static constexpr std::string_view kKind = "placement record";
  static PlacementRecord sample() { return {PlacementRecord::Kind::State, "churn", "1.2", Sequence{7}, Ino{96}}; }
  static std::string golden() { return "02 02 05636875726e 03312e32 07 60"; }
};

template <>
struct Golden<HistoryRecord> {
  static constexpr std::string_view kKind = "history record";
  static HistoryRecord sample() {
    return {Sequence{11}, Operation::SetLabel, TimeNs{1}, 1000, "ann", "1.2", Generation{3}, "prod",
            "1.1",        digest_of_all(0xaa), "h",       "s",  "why"};
  }
  static std::string golden() {
    return "03 0b 04 02 e807 03616e6e 03312e32 03 0470726f64 03312e31 01 " + kAA + " 0168 0173 03776879";
  }
};

template <>
struct Golden<BlobRecord> {
  static constexpr std::string_view kKind = "blob record";
  static BlobRecord sample() { return {3, 0, 0x352441c2, false, true, "abc"}; }
  static std::string golden() { return "01 03 00 c28391a903 00 01 03616263"; }
};

template <>
struct Golden<ArchiveRecord> {
  static constexpr std::string_view kKind = "archive record";
  static ArchiveRecord sample() {
    return {".tar", 300, 8, {digest_of_all(0xaa), 0x352441c2}, ArchiveRecord::Kept::Recipe, TimeNs{64}};
  }
  static std::string golden() { return "02 042e746172 ac02 08 " + kAA + " c28391a903 03 8001"; }
};

template <>
struct Golden<ContainerRecord> {
  static constexpr std::string_view kKind = "container record";
  static ContainerRecord sample() { return {"churn", "1.2", Sequence{7}, Generation{3}, "mm"}; }
  static std::string golden() { return "01 05636875726e 03312e32 07 03 026d6d"; }
};

template <class Record>
class EveryRecord : public testing::Test {};
using Records = testing::Types<DomainRecord, ReleaseRecord, GenerationRecord, LabelRecord, TombstoneRecord,
                               PlacementRecord, HistoryRecord, BlobRecord, ContainerRecord, ArchiveRecord>;
TYPED_TEST_SUITE(EveryRecord, Records);

TYPED_TEST(EveryRecord, HasItsGoldenBytes) {
  EXPECT_EQ(hex(Golden<TypeParam>::sample().encode()), hex(unhex(Golden<TypeParam>::golden())));
}

TYPED_TEST(EveryRecord, ComesBackFromItsBytes) {
  const std::string bytes = unhex(Golden<TypeParam>::golden());

  const auto record = TypeParam::decode(bytes);

  ASSERT_TRUE(record.ok()) << record.status().str();
  EXPECT_EQ(hex(record->encode()), hex(bytes));
}

TYPED_TEST(EveryRecord, ComesBackWhenItIsEmpty) {
  TypeParam empty;

  const auto record = TypeParam::decode(empty.encode());

  ASSERT_TRUE(record.ok()) << record.status().str();
  EXPECT_EQ(hex(record->encode()), hex(empty.encode()));
}

TYPED_TEST(EveryRecord, CutOffAnywhereIsCorruptAndNamesItsKind) {
  const std::string bytes = unhex(Golden<TypeParam>::golden());

  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto record = TypeParam::decode(std::string_view(bytes).substr(0, size));
    ASSERT_FALSE(record.ok()) << size;
    EXPECT_EQ(record.code(), Code::Corrupt);
    EXPECT_TRUE(record.status().message().starts_with(Golden<TypeParam>::kKind)) << record.status().message();
  }
}

TYPED_TEST(EveryRecord, FollowedByAnythingIsCorrupt) {
  EXPECT_EQ(TypeParam::decode(unhex(Golden<TypeParam>::golden() + "00")).code(), Code::Corrupt);
}

TYPED_TEST(EveryRecord, OfALaterVersionIsLeftToANewerModelfs) {
  std::string bytes = unhex(Golden<TypeParam>::golden());
  bytes[0] += 1;

  const auto record = TypeParam::decode(bytes);

  EXPECT_EQ(record.code(), Code::Unsupported);
  EXPECT_NE(record.status().message().find("a newer modelfs wrote"), std::string::npos) << record.status().message();
}

TYPED_TEST(EveryRecord, OfAVersionTooFarAheadIsCorrupt) {
  std::string bytes = unhex(Golden<TypeParam>::golden());
  bytes[0] = static_cast<char>(bytes[0] + kVersionsAheadMax);
  EXPECT_EQ(TypeParam::decode(bytes).code(), Code::Unsupported);
  bytes[0] += 1;
  EXPECT_EQ(TypeParam::decode(bytes).code(), Code::Corrupt);
}

TYPED_TEST(EveryRecord, OfAnEarlierVersionThanAnyIsCorrupt) {
  std::string bytes = unhex(Golden<TypeParam>::golden());
  bytes[0] -= 1;

  EXPECT_EQ(TypeParam::decode(bytes).code(), Code::Corrupt);
}

TYPED_TEST(EveryRecord, OfRandomBytesIsRefusedOrIsExactlyWhatWeWouldWrite) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const std::string whole = unhex(Golden<TypeParam>::golden());

  for (int i = 0; i < 5'000; ++i) {
    const std::string bytes = mutated(whole, random);
    const auto record = TypeParam::decode(bytes);
    if (record.ok()) {
      ASSERT_EQ(hex(record->encode()), hex(bytes));
    } else {
      ASSERT_TRUE(record.code() == Code::Corrupt || record.code() == Code::Unsupported) << hex(bytes);
    }
  }
}

// Golden bytes would not notice two fields of one type that are read back in each other's place.
TEST(ReleaseRecord, ReadsEachFieldIntoItsPlace) {
  const auto record = ReleaseRecord::decode(unhex(Golden<ReleaseRecord>::golden()));

  ASSERT_TRUE(record.ok());
  EXPECT_EQ(record->version, "1.2");
  EXPECT_EQ(record->digest, digest_of_all(0xaa));
  EXPECT_EQ(record->manifest, digest_of_all(0xbb));
  EXPECT_EQ(record->changed, TimeNs{2});
  EXPECT_FALSE(record->takes_generations);
  EXPECT_TRUE(record->metadata_given);
  EXPECT_EQ(record->program, "cp");
  EXPECT_EQ(record->archive_suffix, ".tgz");
}

TEST(HistoryRecord, WithoutADigestEndsInZero) {
  HistoryRecord record = Golden<HistoryRecord>::sample();
  record.digest.reset();

  EXPECT_EQ(hex(record.encode()),
            hex(unhex("03 0b 04 02 e807 03616e6e 03312e32 03 0470726f64 03312e31 00 0168 0173 03776879")));
  EXPECT_EQ(HistoryRecord::decode(record.encode())->digest, std::nullopt);
}

TEST(HistoryRecord, WithAnUnknownDeedIsCorrupt) {
  for (const char* operation : {"00", "0c"}) {
    const std::string bytes = unhex("01 0b " + std::string(operation) + " 02 00 00 00 00 00 00 00");
    EXPECT_EQ(HistoryRecord::decode(bytes).code(), Code::Corrupt) << operation;
  }
  EXPECT_TRUE(HistoryRecord::decode(unhex("01 0b 07 02 00 00 00 00 00 00 00")).ok());
}

TEST(HistoryRecord, OfEarlierVersionsIsRead) {
  const std::string fields = " 0b 04 02 e807 03616e6e 03312e32 03 0470726f64 03312e31 00";
  const auto first = HistoryRecord::decode(unhex("01" + fields));
  const auto second = HistoryRecord::decode(unhex("02" + fields + " 0168"));

  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(first->label, "prod");
  EXPECT_EQ(first->host, "");
  EXPECT_EQ(second->host, "h");
  EXPECT_EQ(second->reason, "");
}

TEST(BlobRecord, OfALargeBlobHasNoBytes) {
  const BlobRecord record{65537, 69632, 0, true, false, ""};

  EXPECT_EQ(hex(record.encode()), hex(unhex("01 818004 80a004 00 01 00 00")));
  EXPECT_EQ(BlobRecord::decode(unhex("01 818004 80a004 00 01 00 0161")).code(), Code::Corrupt);
}

TEST(BlobRecord, OfASmallBlobHasAllItsBytes) {
  const auto inline_blob = [](std::size_t size_bytes) {
    return BlobRecord{size_bytes, 0, 0, false, true, std::string(size_bytes, 'x')}.encode();
  };

  EXPECT_TRUE(BlobRecord::decode(inline_blob(0)).ok());
  EXPECT_TRUE(BlobRecord::decode(inline_blob(kInlineBlobBytesMax)).ok());
  EXPECT_EQ(BlobRecord::decode(inline_blob(kInlineBlobBytesMax + 1)).code(), Code::Corrupt);
  EXPECT_EQ(BlobRecord::decode(unhex("01 04 00 00 00 01 03616263")).code(), Code::Corrupt);
}

TEST(BlobRecord, WithAFlagThatIsNeitherYesNorNoIsCorrupt) {
  EXPECT_EQ(BlobRecord::decode(unhex("01 00 00 00 02 01 00")).code(), Code::Corrupt);
}

TEST(DomainRecord, WithAnImpossibleOwnerOrModeIsCorrupt) {
  EXPECT_EQ(DomainRecord::decode(unhex("01 40 48 8080808010 00 00 00 00 00 00")).code(), Code::Corrupt);
  EXPECT_TRUE(DomainRecord::decode(unhex("01 40 48 ffffffff0f 00 ff1f 00 00 00 00")).ok());
  EXPECT_EQ(DomainRecord::decode(unhex("01 40 48 00 00 8020 00 00 00 00")).code(), Code::Corrupt);
}

TEST(Operation, HasANameForPrograms) {
  EXPECT_EQ(operation_name(Operation::CreateDomain), "create_domain");
  EXPECT_EQ(operation_name(Operation::Publish), "publish");
  EXPECT_EQ(operation_name(Operation::Restore), "restore");
}

TEST(ArchiveRecordOfVersion1, IsReadAndHasNoTime) {
  const auto record = ArchiveRecord::decode(unhex("01 042e746172 ac02 08 " + kAA + " c28391a903 03"));

  ASSERT_TRUE(record.ok()) << record.status().message();
  EXPECT_EQ(record->kept, ArchiveRecord::Kept::Recipe);
  EXPECT_EQ(record->mtime, TimeNs{});
  EXPECT_EQ(ArchiveRecord::decode(unhex("01 042e746172 ac02 08 " + kAA + " c28391a903 03 8001")).code(), Code::Corrupt);
  EXPECT_EQ(ArchiveRecord::decode(unhex("00 042e746172 ac02 08 " + kAA + " c28391a903 03")).code(), Code::Corrupt);
}

}  // namespace
}  // namespace modelfs
