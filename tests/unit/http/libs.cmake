set(EXTRA_LIBS OpenSSL::Crypto)
