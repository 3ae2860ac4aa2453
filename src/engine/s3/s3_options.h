// How a bucket is reached: what the address, the options of a mount, the environment and ~/.aws say together.
#pragma once
#include <string>

#include "engine/s3/credential_settings.h"
#include "engine/s3/s3_url.h"

namespace modelfs {

// What options say; empty: they do not. They come before the environment, and that before the profile.
struct S3Choices {
  std::string endpoint;  // "https://minio.example:9000"
  std::string region;
  std::string profile;
  std::string ca_file;
  bool path_style = false;  // http://host/bucket/name, also where http://bucket.host/name would do
  bool insecure = false;    // http:// also beyond this machine
};

struct S3Options {
  S3Url where;
  HttpOrigin endpoint;  // without the bucket
  std::string region;
  bool is_path_style = false;
  bool is_insecure = false;
  std::string ca_file;
  CredentialSettings credentials;

  // Reads AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, AWS_REGION, AWS_DEFAULT_REGION, AWS_CA_BUNDLE, AWS_PROFILE and the
  // profile's endpoint_url, region, ca_bundle and s3.addressing_style. `home` is that of the user who mounts. Without
  // an endpoint it is AWS's of the region, without a region us-east-1. InvalidArgument; or as read_aws_profile.
  static Result<S3Options> from_environment(const std::string& url, const std::string& home,
                                            const S3Choices& choices = {});
  static Result<S3Options> from(const std::string& url, const std::string& home, const S3Choices& choices,
                                AwsEnvironment environment);

  // "https://bucket.s3.eu-central-1.amazonaws.com", or the endpoint itself where the bucket stands in the path.
  HttpOrigin origin() const;
  // "/bucket/key" or "/key"; not encoded. No key: the bucket's own.
  std::string path_of(const std::string& key) const;
};

}  // namespace modelfs
