#include "mount/errno.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace modelfs {
namespace {

struct Row {
  Code code;
  int error;
};

class ErrnoOfACode : public testing::TestWithParam<Row> {};

TEST_P(ErrnoOfACode, IsTheOneThatToolsUnderstand) {
  EXPECT_EQ(to_errno(Status(GetParam().code, "why")), GetParam().error);
}

INSTANTIATE_TEST_SUITE_P(
    , ErrnoOfACode,
    testing::Values(Row{Code::NotFound, ENOENT}, Row{Code::AlreadyExists, EEXIST}, Row{Code::NotEmpty, ENOTEMPTY},
                    Row{Code::IllegalName, EILSEQ}, Row{Code::OutOfRange, ERANGE}, Row{Code::Immutable, EROFS},
                    Row{Code::Busy, EBUSY}, Row{Code::Conflict, EAGAIN}, Row{Code::NotPermitted, EPERM},
                    Row{Code::Denied, EACCES}, Row{Code::NoAttribute, ENODATA}, Row{Code::Stale, ESTALE},
                    Row{Code::Unsupported, EOPNOTSUPP}, Row{Code::Malformed, EBADMSG}, Row{Code::Corrupt, EIO},
                    Row{Code::IoError, EIO}, Row{Code::Uncertain, EIO}, Row{Code::Internal, EIO}));

TEST(Errno, OfSuccessIsZero) { EXPECT_EQ(to_errno(Status()), 0); }

TEST(Errno, OfTheHostGoesThroughUnchanged) {
  EXPECT_EQ(to_errno(Status::from_errno(EDQUOT, "write")), EDQUOT);
  EXPECT_EQ(to_errno(Status::from_errno(ENFILE, "open")), ENFILE);
}

TEST(Errno, OfTheDaemonsOwnOpenFilesIsNotTheCallers) {
  EXPECT_EQ(to_errno(Status::from_errno(EMFILE, "open")), ENFILE);
}

TEST(Errno, IsNeverTheOneThatMakesTheKernelStopAsking) {
  for (int code = 0; code <= static_cast<int>(Code::Uncertain); ++code) {
    EXPECT_NE(to_errno(Status(static_cast<Code>(code), "why")), ENOSYS) << code_name(static_cast<Code>(code));
  }
  EXPECT_EQ(to_errno(Status::from_errno(ENOSYS, "fallocate")), EOPNOTSUPP);
}

TEST(OurFailure, IsWhatNoCallerCanMendBySayingItOtherwise) {
  EXPECT_TRUE(is_our_failure(Code::Corrupt));
  EXPECT_TRUE(is_our_failure(Code::IoError));
  EXPECT_TRUE(is_our_failure(Code::Uncertain));
  EXPECT_TRUE(is_our_failure(Code::Internal));
  EXPECT_FALSE(is_our_failure(Code::NotFound));
  EXPECT_FALSE(is_our_failure(Code::NoSpace));
}

}  // namespace
}  // namespace modelfs
