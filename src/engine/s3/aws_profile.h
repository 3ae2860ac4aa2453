// The files that the AWS command line keeps in ~/.aws: sections of values.
// Source: docs.aws.amazon.com, "Configuration and credential file settings in the AWS CLI".
#pragma once
#include <sys/types.h>

#include <map>
#include <string>
#include <string_view>

#include "base/status.h"

namespace modelfs {

// What the environment says, by name: its variables AWS_….
using AwsEnvironment = std::map<std::string, std::string>;
AwsEnvironment aws_environment();
// Empty: it is not there.
std::string value_of(const AwsEnvironment& values, const std::string& name);

// A section's values by name; those that are indented below one are named "s3.addressing_style".
using AwsSection = std::map<std::string, std::string>;
// By what stands in the brackets: "default", "profile churn", "services local".
using AwsFile = std::map<std::string, AwsSection>;

// Lines that are neither section, value nor comment are passed over.
AwsFile parse_aws_file(std::string_view text);

struct AwsProfile {
  std::string name;
  bool exists = false;  // one of the files has it
  AwsSection values;    // of both files; those of the credentials file come first
  // The user whose file names a credential_process.
  uid_t process_uid = 0;
  gid_t process_gid = 0;

  std::string value(const std::string& key) const { return value_of(values, key); }
};

// The profile `wanted`, or that of AWS_PROFILE, or "default", from AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE, or
// ~/.aws/credentials and ~/.aws/config. A file that is not there is empty; one that may not be read, or is larger than
// 1 MiB, is a failure.
Result<AwsProfile> read_aws_profile(const AwsEnvironment& environment, const std::string& home,
                                    const std::string& wanted);

}  // namespace modelfs
