#include "drafts/names_lock.h"

#include <gtest/gtest.h>

namespace modelfs {
namespace {

constexpr Ino kOne{1};
constexpr Ino kTwo{2};

TEST(NamesLock, SaysBusyOfWhatIsFrozenUntilItIsNot) {
  NamesLock names;
  const NamesLock::Held held(names);
  held.freeze(kOne);

  EXPECT_EQ(held.check_unfrozen({kTwo, kOne}).code(), Code::Busy);
  EXPECT_TRUE(held.check_unfrozen({kTwo}).ok());
  held.unfreeze(kOne);
  EXPECT_TRUE(held.check_unfrozen({kOne}).ok());
}

TEST(NamesLock, SaysImmutableOfWhatWasPublishedAlsoWhileItIsFrozen) {
  NamesLock names;
  {
    const NamesLock::Held held(names);
    held.freeze(kOne);
    held.mark_dead(kOne);
    EXPECT_EQ(held.check_unfrozen({kOne}).code(), Code::Immutable);
  }
  EXPECT_TRUE(names.is_dead(kOne));
  EXPECT_FALSE(names.is_dead(kTwo));

  NamesLock::Held(names).forget_dead(kOne);
  EXPECT_FALSE(names.is_dead(kOne));
  EXPECT_EQ(NamesLock::Held(names).check_unfrozen({kOne}).code(), Code::Busy);
}

}  // namespace
}  // namespace modelfs
