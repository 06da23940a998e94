# Every third-party library, from Debian's packages, with the reason it is here.
# The package names are in cmake/packages.txt (the one list `make` installs from).
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

# Boost 1.81: Asio (event loops), Beast (HTTP), JSON, URL, System (result<T>).
set(Boost_NO_WARN_NEW_VERSIONS ON)
find_package(Boost 1.81 REQUIRED COMPONENTS system json url)
# OpenSSL 3: TLS, RSA and Ed25519 signatures, HMAC, AES-GCM.
find_package(OpenSSL 3 REQUIRED)
# ICU: normalisation, IDN (UTS-46), case mapping, character borders.
find_package(ICU 67 REQUIRED COMPONENTS i18n uc data)
# spdlog: sinks of the operator's log.
find_package(spdlog REQUIRED)
# GoogleTest: unit and fault tests.
find_package(GTest REQUIRED)

# Asio is header-only; separate from Beast so that only `http` pays for Beast.
add_library(hk_asio INTERFACE)
target_link_libraries(hk_asio INTERFACE Boost::headers Boost::system Threads::Threads)
target_compile_definitions(hk_asio INTERFACE BOOST_ASIO_NO_DEPRECATED)

# c-ares: DNS queries on the wire; the resolver drives its sockets from Asio.
pkg_check_modules(CARES REQUIRED IMPORTED_TARGET libcares)
add_library(hk_cares ALIAS PkgConfig::CARES)
# libopendkim: verifies (never signs): probe at key load, oracle in the tests.
pkg_check_modules(OPENDKIM REQUIRED IMPORTED_TARGET opendkim)
add_library(hk_opendkim ALIAS PkgConfig::OPENDKIM)
# RocksDB: the store.
find_package(RocksDB REQUIRED)
add_library(hk_rocksdb INTERFACE)
target_link_libraries(hk_rocksdb INTERFACE RocksDB::rocksdb-shared)
# yaml-cpp: configuration files.
pkg_check_modules(YAML REQUIRED IMPORTED_TARGET yaml-cpp)
add_library(hk_yaml ALIAS PkgConfig::YAML)
# RE2: patterns of reply rules; linear in hostile text.
pkg_check_modules(RE2 REQUIRED IMPORTED_TARGET re2)
add_library(hk_re2 ALIAS PkgConfig::RE2)
# libpsl: the Public Suffix List, for organisational domains (DMARC alignment).
pkg_check_modules(PSL REQUIRED IMPORTED_TARGET libpsl)
add_library(hk_psl ALIAS PkgConfig::PSL)
# libsystemd: readiness and watchdog notification.
pkg_check_modules(SYSTEMD REQUIRED IMPORTED_TARGET libsystemd)
add_library(hk_systemd ALIAS PkgConfig::SYSTEMD)
# zstd: bytes kept of messages whose outcome is unknown.
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
add_library(hk_zstd ALIAS PkgConfig::ZSTD)
# CLI11: the command line.
find_package(CLI11 REQUIRED)
add_library(hk_cli11 ALIAS CLI11::CLI11)
# prometheus-cpp: metric registry and text format.
find_package(prometheus-cpp REQUIRED)
add_library(hk_prometheus ALIAS prometheus-cpp::core)
