#include "engine/s3/s3_options.h"

#include <filesystem>
#include <initializer_list>

namespace modelfs {
namespace {

constexpr char kDefaultRegion[] = "us-east-1";

std::string first_of(std::initializer_list<std::string> values) {
  for (const std::string& value : values) {
    if (!value.empty()) return value;
  }
  return {};
}

bool names_region(const std::string& region) {
  return !region.empty() && region.size() <= 64 &&
         region.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") ==
             std::string::npos;
}

std::string aws_endpoint(const std::string& region) {
  return "https://s3." + region + (region.starts_with("cn-") ? ".amazonaws.com.cn" : ".amazonaws.com");
}

// Files are read again later, when the daemon is in another directory.
void make_absolute(std::string& path) {
  if (!path.empty() && path.front() != '/' && !path.starts_with("~/")) path = std::filesystem::absolute(path).string();
}

void make_files_absolute(AwsEnvironment& environment) {
  for (const char* name : {"AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE",
                           "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"}) {
    if (const auto found = environment.find(name); found != environment.end()) make_absolute(found->second);
  }
}

// A bucket's name becomes a part of the host's only where the certificate of the host holds for it: "*" is one part.
bool can_be_host_part(const std::string& bucket) { return bucket.find_first_of("._") == std::string::npos; }

}  // namespace

Result<S3Options> S3Options::from_environment(const std::string& url, const std::string& home,
                                              const S3Choices& choices) {
  return from(url, home, choices, aws_environment());
}

Result<S3Options> S3Options::from(const std::string& url, const std::string& home, const S3Choices& choices,
                                  AwsEnvironment environment) {
  const auto where = parse_s3_url(url);
  if (!where.ok()) return where.status();
  make_files_absolute(environment);
  const auto profile = read_aws_profile(environment, home, choices.profile);
  if (!profile.ok()) return profile.status();
  const auto variable = [&](const char* name) { return value_of(environment, name); };

  S3Options options;
  options.where = *where;
  options.region = first_of({choices.region, variable("AWS_REGION"), variable("AWS_DEFAULT_REGION"),
                             profile->value("region"), kDefaultRegion});
  if (!names_region(options.region)) return Status(Code::InvalidArgument, "the region is no region's name");
  const std::string named = first_of({choices.endpoint, variable("AWS_ENDPOINT_URL_S3"), variable("AWS_ENDPOINT_URL"),
                                      profile->value("s3.endpoint_url"), profile->value("endpoint_url")});
  const auto endpoint = parse_origin(named.empty() ? aws_endpoint(options.region) : named);
  if (!endpoint.ok()) return endpoint.status();
  options.endpoint = *endpoint;
  options.is_insecure = choices.insecure;
  const std::string style = profile->value("s3.addressing_style");
  const bool wants_host = named.empty() ? style != "path" : style == "virtual";
  options.is_path_style =
      choices.path_style || !wants_host || !can_be_host_part(where->bucket) || endpoint->is_address();
  options.ca_file = first_of({choices.ca_file, variable("AWS_CA_BUNDLE"), profile->value("ca_bundle")});
  make_absolute(options.ca_file);
  options.credentials = {std::move(environment), home, choices.profile, options.region, options.ca_file};
  return options;
}

HttpOrigin S3Options::origin() const {
  HttpOrigin origin = endpoint;
  if (!is_path_style) origin.host = where.bucket + "." + origin.host;
  return origin;
}

std::string S3Options::path_of(const std::string& key) const {
  if (!is_path_style) return "/" + key;
  return "/" + where.bucket + (key.empty() ? "" : "/" + key);
}

}  // namespace modelfs
