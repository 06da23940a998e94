#pragma once

#include <hikyaku/smtpd/server.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>

#include <gtest/gtest.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace hikyaku::smtpd::testing
{

namespace asio = boost::asio;
using asio::ip::tcp;

/// A certificate and its key in PEM files.
class certificate_files
{
public:
    explicit certificate_files(const char* name = "mx.test")
        : folder_(std::filesystem::temp_directory_path() /
                  ("hikyaku-smtpd-" + std::to_string(::getpid())))
    {
        std::filesystem::create_directories(folder_);
        write(name);
    }
    ~certificate_files() { std::filesystem::remove_all(folder_); }
    certificate_files(const certificate_files&) = delete;
    certificate_files& operator=(const certificate_files&) = delete;

    /// Another key and certificate in the same files.
    void write(const char* name) const
    {
        EVP_PKEY* const key = EVP_EC_gen("P-256");
        X509* const c = X509_new();
        ASN1_INTEGER_set(X509_get_serialNumber(c), 1);
        X509_gmtime_adj(X509_getm_notBefore(c), -3600);
        X509_gmtime_adj(X509_getm_notAfter(c), 3600);
        X509_set_pubkey(c, key);
        X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_ASC,
                                   reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
        X509_set_issuer_name(c, X509_get_subject_name(c));
        X509_sign(c, key, EVP_sha256());
        std::FILE* file = std::fopen(certificate().c_str(), "w");
        PEM_write_X509(file, c);
        std::fclose(file);
        file = std::fopen(this->key().c_str(), "w");
        PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
        std::fclose(file);
        X509_free(c);
        EVP_PKEY_free(key);
    }
    [[nodiscard]] std::string certificate() const { return (folder_ / "cert.pem").string(); }
    [[nodiscard]] std::string key() const { return (folder_ / "key.pem").string(); }

private:
    std::filesystem::path folder_;
};

/// Keeps what it is given.
struct mailbox
{
    std::mutex mutex;
    std::vector<inbound_mail> mails;
    /// Called on the pool's thread first.
    std::function<reply_text()> answer = [] { return reply_text{250, "2.0.0 Taken"}; };

    mail_handler handler()
    {
        mail_handler out;
        out.check_recipient = [](std::string_view r)
        {
            return r.ends_with("@ours.test") ? reply_text{250, ""}
                                             : reply_text{550, "5.1.1 No such address here"};
        };
        out.deliver = [this](const inbound_mail& mail)
        {
            {
                const std::lock_guard lock(mutex);
                mails.push_back(mail);
            }
            return answer();
        };
        return out;
    }
};

/// A blocking peer.
class peer
{
public:
    explicit peer(std::uint16_t port) : socket_(context_)
    {
        socket_.connect(tcp::endpoint(asio::ip::address_v4::loopback(), port));
        const timeval limit{20, 0};
        ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    }

    void send(std::string_view text)
    {
        boost::system::error_code ec;
        if (tls_)
        {
            asio::write(*tls_, asio::buffer(text), ec);
            return;
        }
        asio::write(socket_, asio::buffer(text), ec);
    }
    /// One reply, all its lines; "" at the end of the stream.
    std::string reply()
    {
        std::string out;
        while (true)
        {
            const auto end = buffer_.find("\r\n");
            if (end == std::string::npos)
            {
                if (!fill())
                {
                    return out;
                }
                continue;
            }
            const std::string line = buffer_.substr(0, end + 2);
            buffer_.erase(0, end + 2);
            out += line;
            if (line.size() < 4 || line[3] != '-')
            {
                return out;
            }
        }
    }
    std::string ask(std::string_view command)
    {
        send(std::string(command) + "\r\n");
        return reply();
    }
    /// Whether nothing more comes and the stream ends.
    bool at_end() { return buffer_.empty() && !fill(); }
    /// @returns the name in the server's certificate; "" when there is no handshake
    std::string start_tls(int version_max = TLS1_3_VERSION)
    {
        tls_context_ = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_client);
        SSL_CTX_set_security_level(tls_context_->native_handle(), 0);
        SSL_CTX_set_min_proto_version(tls_context_->native_handle(), TLS1_VERSION);
        SSL_CTX_set_max_proto_version(tls_context_->native_handle(), version_max);
        tls_ = std::make_unique<asio::ssl::stream<tcp::socket&>>(socket_, *tls_context_);
        boost::system::error_code ec;
        tls_->handshake(asio::ssl::stream_base::client, ec);
        if (ec)
        {
            return "";
        }
        X509* const c = SSL_get1_peer_certificate(tls_->native_handle());
        char name[64] = "";
        X509_NAME_get_text_by_NID(X509_get_subject_name(c), NID_commonName, name, sizeof name);
        X509_free(c);
        return name;
    }
    /// Up to the 354.
    void open_message()
    {
        EXPECT_EQ(reply().substr(0, 3), "220");
        EXPECT_EQ(ask("EHLO peer.test").substr(0, 3), "250");
        EXPECT_EQ(ask("MAIL FROM:<>").substr(0, 3), "250");
        EXPECT_EQ(ask("RCPT TO:<b-1@ours.test>").substr(0, 3), "250");
        EXPECT_EQ(ask("DATA").substr(0, 3), "354");
    }

private:
    bool fill()
    {
        char part[4096];
        boost::system::error_code ec;
        const std::size_t n = tls_ ? tls_->read_some(asio::buffer(part), ec)
                                   : socket_.read_some(asio::buffer(part), ec);
        buffer_.append(part, n);
        return n > 0;
    }

    asio::io_context context_;
    tcp::socket socket_;
    std::unique_ptr<asio::ssl::context> tls_context_;
    std::unique_ptr<asio::ssl::stream<tcp::socket&>> tls_;
    std::string buffer_;
};

} // namespace hikyaku::smtpd::testing
