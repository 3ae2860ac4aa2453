// Where credentials are looked for.
#pragma once
#include <string>

#include "engine/s3/aws_profile.h"

namespace modelfs {

struct CredentialSettings {
  AwsEnvironment environment;
  std::string home;     // of the user who mounts
  std::string profile;  // as an option names it; then neither the environment's keys nor a web identity count
  std::string region;   // whose STS is asked
  std::string ca_file;
};

}  // namespace modelfs
