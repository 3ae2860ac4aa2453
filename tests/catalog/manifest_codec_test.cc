// The bytes of a Manifest, and what bytes of an enemy do to it.
#include <gtest/gtest.h>

#include "base/codec.h"
#include "catalog/manifest.h"
#include "catalog/samples.h"

namespace modelfs {
namespace {

constexpr std::uint64_t kRegular = 0644 << 2 | 1;
constexpr std::uint64_t kDirectory = 0755 << 2 | 2;
constexpr std::uint64_t kSymlink = 0777 << 2 | 3;

// d/g (a hard link of f), f, l -> f
std::shared_ptr<const Manifest> sample() {
  ManifestBuilder builder(directory_entry("", Ino{64}));
  const auto directory = builder.add(0, directory_entry("d", Ino{65}));
  builder.add(0, file_entry("f", "abc", Ino{66}));
  builder.add(0, symlink_entry("l", "f", Ino{67}));
  builder.add(directory, file_entry("g", "abc", Ino{66}));
  return builder.build();
}

const std::string kAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const std::string kGolden =
    "01 05"                // version, entries
    " b60f 8001 02 03"     // root: 0755 directory, ino 64, mtime 1, 3 children
    " b60f 02 00 0164 01"  // "d": ino + 1, mtime + 0, 1 child
    " 910d 02 00 0166 03 8020 " +
    kAbc +
    " c2412435"              // "f": 0644 file, 3 bytes, 4096 allocated, SHA-256, CRC-32
    " ff0f 02 00 016c 0166"  // "l": 0777 symlink to "f"
    " 910d 01 00 0167 03 8020 " +
    kAbc + " c2412435";  // "d/g": ino - 1

// Begins a manifest of `count` entries, whose root has `children`.
Encoder manifest_of(std::uint64_t count, std::uint64_t children) {
  Encoder out;
  out.number(1).number(count).number(kDirectory).signed_number(64).signed_number(0).number(children);
  return out;
}
Encoder& entry(Encoder& out, std::uint64_t head, std::string_view name) {
  return out.number(head).signed_number(1).signed_number(0).text(name);
}
Encoder& file(Encoder& out, std::string_view name, std::uint64_t size_bytes = 0) {
  return entry(out, kRegular, name).number(size_bytes).number(0).digest({}).fixed32(0);
}

// A manifest of one file `f` with these attributes, as bytes of version 2.
std::string with_attributes(const std::vector<Attribute>& attributes, std::uint64_t head = kRegular) {
  Encoder out;
  out.number(2).number(2).number(kDirectory).signed_number(64).signed_number(0).number(1).number(0);
  if (head == kSymlink) {
    entry(out, head, "f").text("t");
  } else {
    entry(out, head, "f").number(0).number(0).digest({}).fixed32(0);
  }
  out.number(attributes.size());
  for (const Attribute& each : attributes) out.text(each.name).text(each.value);
  return out.take();
}

void expect_corrupt(std::string_view bytes) {
  const auto manifest = Manifest::decode(bytes);
  ASSERT_FALSE(manifest.ok());
  EXPECT_EQ(manifest.code(), Code::Corrupt);
  EXPECT_TRUE(manifest.status().message().starts_with("manifest: ")) << manifest.status().message();
}

TEST(ManifestBytes, AreTheGoldenOnes) { EXPECT_EQ(hex(sample()->encode()), hex(unhex(kGolden))); }

TEST(ManifestBytes, GiveBackEveryEntry) {
  const auto made = sample();

  const auto read = Manifest::decode(made->encode());

  ASSERT_TRUE(read.ok()) << read.status().str();
  ASSERT_EQ((*read)->entries().size(), made->entries().size());
  for (std::uint32_t i = 0; i < made->entries().size(); ++i) {
    const ManifestEntry& a = made->at(i);
    const ManifestEntry& b = (*read)->at(i);
    EXPECT_EQ(a.parent, b.parent);
    EXPECT_EQ(a.first_child, b.first_child);
    EXPECT_EQ(a.child_count, b.child_count);
    EXPECT_EQ(a.type, b.type);
    EXPECT_EQ(a.mode, b.mode);
    EXPECT_EQ(a.link_count, b.link_count);
    EXPECT_EQ(a.ino, b.ino);
    EXPECT_EQ(a.mtime, b.mtime);
    EXPECT_EQ(a.size_bytes, b.size_bytes);
    EXPECT_EQ(a.allocated_bytes, b.allocated_bytes);
    EXPECT_EQ(a.hash, b.hash);
    EXPECT_EQ(a.name, b.name);
    EXPECT_EQ(a.target, b.target);
  }
  EXPECT_EQ((*read)->content_digest(), made->content_digest());
  EXPECT_EQ((*read)->file_count(), 2u);
  EXPECT_EQ((*read)->total_bytes(), 6u);
}

TEST(ManifestBytes, KeepTheExtremesOfTimesAndNumbers) {
  ManifestBuilder builder(directory_entry("", Ino{~std::uint64_t{0}}));
  ManifestEntry early = file_entry("a", "", Ino{1});
  early.mtime = TimeNs{INT64_MIN};
  builder.add(0, early);
  ManifestEntry late = file_entry("b", "", Ino{~std::uint64_t{0} - 1});
  late.mtime = TimeNs{INT64_MAX};
  builder.add(0, late);

  const auto read = Manifest::decode(builder.build()->encode());

  ASSERT_TRUE(read.ok());
  EXPECT_EQ((*read)->at(1).mtime, TimeNs{INT64_MIN});
  EXPECT_EQ((*read)->at(2).mtime, TimeNs{INT64_MAX});
  EXPECT_EQ((*read)->at(2).ino, Ino{~std::uint64_t{0} - 1});
}

TEST(ManifestBytes, OfAHundredThousandFilesComeBack) {
  ManifestBuilder builder(directory_entry(""));
  for (std::uint64_t i = 0; i < 100'000; ++i)
    builder.add(0, file_entry("shard-" + std::to_string(i), "", Ino{100 + i}));
  const auto made = builder.build();

  const auto read = Manifest::decode(made->encode());

  ASSERT_TRUE(read.ok());
  EXPECT_EQ((*read)->file_count(), 100'000u);
  EXPECT_EQ((*read)->content_digest(), made->content_digest());
}

TEST(HostileManifest, CutOffAnywhereIsCorrupt) {
  const std::string whole = sample()->encode();

  for (std::size_t size = 0; size < whole.size(); ++size) expect_corrupt(std::string_view(whole).substr(0, size));
}

TEST(HostileManifest, FollowedByAnythingIsCorrupt) { expect_corrupt(sample()->encode() + '\0'); }

TEST(HostileManifest, OfAnEarlierVersionThanAnyIsCorrupt) {
  std::string bytes = sample()->encode();
  bytes[0] = 0;
  expect_corrupt(bytes);
}

TEST(HostileManifest, OfALaterVersionIsLeftToANewerModelfs) {
  std::string bytes = sample()->encode();
  bytes[0] = 3;

  const auto manifest = Manifest::decode(bytes);

  EXPECT_EQ(manifest.code(), Code::Unsupported);
  EXPECT_NE(manifest.status().message().find("a newer modelfs wrote"), std::string::npos);
}

TEST(HostileManifest, ThatClaimsMoreEntriesThanItHasBytesAllocatesNothing) {
  for (const std::uint64_t count : {std::uint64_t{3}, std::uint64_t{1} << 32, ~std::uint64_t{0}}) {
    expect_corrupt(manifest_of(count, count - 1).take());
  }
}

TEST(HostileManifest, WithoutARootOrWithAFileForARootIsCorrupt) {
  expect_corrupt(Encoder().number(1).number(0).take());
  expect_corrupt(Encoder()
                     .number(1)
                     .number(1)
                     .number(kRegular)
                     .signed_number(1)
                     .signed_number(0)
                     .number(0)
                     .number(0)
                     .digest({})
                     .fixed32(0)
                     .take());
}

TEST(HostileManifest, WithMoreChildrenThanEntriesIsCorrupt) {
  Encoder out = manifest_of(2, 2);
  expect_corrupt(file(out, "a").take());
  expect_corrupt(manifest_of(1, ~std::uint64_t{0}).take());
}

TEST(HostileManifest, WithAnEntryInNoDirectoryIsCorrupt) {
  Encoder out = manifest_of(3, 1);
  file(out, "a");
  expect_corrupt(file(out, "b").take());
}

TEST(HostileManifest, WithNamesOutOfOrderOrTwiceIsCorrupt) {
  for (const char* second : {"a", "b"}) {
    Encoder out = manifest_of(3, 2);
    file(out, "b");
    expect_corrupt(file(out, second).take());
  }
}

TEST(HostileManifest, MayUseANameAgainInAnotherDirectory) {
  Encoder out = manifest_of(4, 2);
  entry(out, kDirectory, "a").number(1);
  file(out, "b");
  file(out, "a");

  const auto manifest = Manifest::decode(out.take());

  ASSERT_TRUE(manifest.ok()) << manifest.status().str();
  EXPECT_EQ((*manifest)->path_of(3), "a/a");
}

TEST(HostileManifest, WithANameThatIsNoFileNameIsCorrupt) {
  const std::string names[] = {"", ".", "..", "a/b", std::string("a\0b", 3), "\xff", std::string(256, 'a')};
  for (const std::string& name : names) {
    Encoder out = manifest_of(2, 1);
    expect_corrupt(file(out, name).take());
  }
}

TEST(HostileManifest, WithAnUnknownTypeOrModeIsCorrupt) {
  for (const std::uint64_t head : {std::uint64_t{0644 << 2}, std::uint64_t{010000 << 2 | 1}, ~std::uint64_t{0}}) {
    Encoder out = manifest_of(2, 1);
    expect_corrupt(entry(out, head, "a").number(0).number(0).digest({}).fixed32(0).take());
  }
}

TEST(HostileManifest, WithSizesBeyondTheKernelsIsCorrupt) {
  constexpr std::uint64_t kMax = INT64_MAX;
  Encoder one = manifest_of(2, 1);
  expect_corrupt(file(one, "a", kMax + 1).take());
  Encoder two = manifest_of(3, 2);
  file(two, "a", kMax);
  expect_corrupt(file(two, "b", 1).take());
  Encoder fits = manifest_of(2, 1);
  EXPECT_TRUE(Manifest::decode(file(fits, "a", kMax).take()).ok());
}

TEST(HostileManifest, WithATargetNoSymlinkCanHaveIsCorrupt) {
  for (const std::string& target : {std::string(4096, 'a'), std::string("a\0b", 3)}) {
    Encoder out = manifest_of(2, 1);
    expect_corrupt(entry(out, kSymlink, "a").text(target).take());
  }
  Encoder longest = manifest_of(2, 1);
  EXPECT_TRUE(Manifest::decode(entry(longest, kSymlink, "a").text(std::string(4095, 'a')).take()).ok());
}

TEST(HostileManifest, NestedAHundredThousandDeepCostsTimeInProportion) {
  constexpr std::uint64_t kDepth = 100'000;
  Encoder out = manifest_of(kDepth + 1, 1);
  for (std::uint64_t i = 1; i <= kDepth; ++i) entry(out, kDirectory, "a").number(i < kDepth ? 1 : 0);

  const auto manifest = Manifest::decode(out.take());

  ASSERT_TRUE(manifest.ok()) << manifest.status().str();
  EXPECT_EQ((*manifest)->path_of(kDepth).size(), 2 * kDepth - 1);
}

TEST(HostileManifest, OfRandomBytesIsRefusedOrIsExactlyWhatWeWouldWrite) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  RecordProperty("seed", std::to_string(seed));
  std::mt19937_64 random(seed);
  const std::string wholes[] = {sample()->encode(), with_attributes({{"user.a", "value"}, {"user.b", ""}})};

  for (int i = 0; i < 20'000; ++i) {
    const std::string bytes = mutated(wholes[i % 2], random);
    const auto manifest = Manifest::decode(bytes);
    if (manifest.ok()) {
      ASSERT_EQ(hex((*manifest)->encode()), hex(bytes));
    } else {
      ASSERT_TRUE(manifest.code() == Code::Corrupt || manifest.code() == Code::Unsupported) << hex(bytes);
    }
  }
}

TEST(ManifestAttributes, ComeBackAndCountForNoDigest) {
  ManifestEntry file = file_entry("f", "abc", Ino{66});
  file.attributes = {{"user.a", ""}, {"user.b", std::string("\0x", 2)}};
  ManifestBuilder builder(directory_entry("", Ino{64}));
  builder.add(0, file);
  const auto made = builder.build();
  const std::string bytes = made->encode();
  const auto again = Manifest::decode(bytes);

  ASSERT_TRUE(again.ok()) << again.status().message();
  EXPECT_EQ((*again)->at(1).attributes, file.attributes);
  EXPECT_EQ((*again)->encode(), bytes);
  file.attributes.clear();
  ManifestBuilder without(directory_entry("", Ino{64}));
  without.add(0, file);
  const auto plain = without.build();
  EXPECT_EQ(made->content_digest(), plain->content_digest());
  EXPECT_GT(made->memory_bytes(), plain->memory_bytes());
}

TEST(ManifestAttributes, AtTheLimitsOfLinuxAreTaken) {
  EXPECT_TRUE(Manifest::decode(with_attributes({{"user." + std::string(250, 'n'), std::string(65536, 'v')}})).ok());
}

TEST(ManifestAttributes, ThatNoFileCanHaveAreCorrupt) {
  expect_corrupt(with_attributes({{"user." + std::string(251, 'n'), ""}}));
  expect_corrupt(with_attributes({{"user.a", std::string(65537, 'v')}}));
  expect_corrupt(with_attributes({{"trusted.a", ""}}));
  expect_corrupt(with_attributes({{std::string("user.a\0b", 8), ""}}));
  expect_corrupt(with_attributes({{"user.b", ""}, {"user.a", ""}}));
  expect_corrupt(with_attributes({{"user.a", ""}, {"user.a", ""}}));
  expect_corrupt(with_attributes({{"user.a", ""}}, kSymlink));
  expect_corrupt(with_attributes({}));
  const std::string whole = with_attributes({{"user.a", "value"}});
  for (std::size_t length = 0; length < whole.size(); ++length) expect_corrupt(whole.substr(0, length));
}

}  // namespace
}  // namespace modelfs
