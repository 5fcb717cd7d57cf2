#include "core/media/secure.h"

#include <errno.h>
#include <glib.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <srtp2/srtp.h>
#include <string.h>
#include <sys/time.h>

#include "core/base/log.h"

#define LINK_MTU 1200
#define DATAGRAMS_MAX 16
#define KEYS_MAX 88
#define REPLAY_WINDOW 1024
#define HANDSHAKES_MAX 8

struct secure {
	const struct secure_ops *ops;
	void *data;
	SSL_CTX *context;
	SSL *ssl;
	bool client, started, ready, failed;
	int handshakes; /* begun anew after a bad datagram */
	const EVP_MD *hash;
	char fingerprint[200];
	GQueue in; /* GBytes: datagrams for OpenSSL, borders kept */
	pthread_mutex_t lock; /* protects outbound */
	srtp_t outbound, inbound;
	const char *profile;
};

/* ---- a BIO that keeps datagrams apart ---- */

static int bio_write(BIO *bio, const char *bytes, int length)
{
	struct secure *secure = BIO_get_data(bio);
	if (length > 0)
		secure->ops->send((const uint8_t *)bytes, (size_t)length, secure->data);
	return length;
}

static int bio_read(BIO *bio, char *bytes, int room)
{
	struct secure *secure = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	GBytes *datagram = g_queue_pop_head(&secure->in);
	if (!datagram) {
		BIO_set_retry_read(bio);
		return -1;
	}
	size_t length;
	const void *from = g_bytes_get_data(datagram, &length);
	int n = (int)MIN(length, (size_t)room);
	memcpy(bytes, from, (size_t)n);
	g_bytes_unref(datagram);
	return n;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
	(void)bio;
	(void)number;
	(void)pointer;
	switch (command) {
	case BIO_CTRL_FLUSH:
		return 1;
	case BIO_CTRL_DGRAM_QUERY_MTU:
	case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
		return LINK_MTU;
	default:
		return 0;
	}
}

static BIO_METHOD *bio_method(void)
{
	static BIO_METHOD *method;
	if (!method) {
		method = BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "datagrams");
		BIO_meth_set_write(method, bio_write);
		BIO_meth_set_read(method, bio_read);
		BIO_meth_set_ctrl(method, bio_control);
	}
	return method;
}

/* ---- making ---- */

static pthread_once_t prepared = PTHREAD_ONCE_INIT;
static bool srtp_ready;
static GThread *warming;

static void prepare(void)
{
	srtp_ready = srtp_init() == srtp_err_status_ok;
	OPENSSL_init_ssl(0, NULL);
}

static void *warm_thread(void *data)
{
	(void)data;
	pthread_once(&prepared, prepare);
	return NULL;
}

void secure_warm(void)
{
	if (!warming)
		warming = g_thread_new("warm", warm_thread, NULL);
}

void secure_warm_end(void)
{
	g_clear_pointer(&warming, g_thread_join);
}

/* The handshake accepts any certificate; fingerprint_check() decides. */
static int any_certificate(int preverified, X509_STORE_CTX *store)
{
	(void)preverified;
	(void)store;
	return 1;
}

static unsigned int first_timeout(SSL *ssl, unsigned int last_us)
{
	(void)ssl;
	return last_us == 0 ? 50000 : MIN(last_us * 2, 2000000);
}

int secure_create(const struct secure_ops *ops, void *data, const struct certificate *certificate,
		  struct secure **ret_secure)
{
	pthread_once(&prepared, prepare);
	if (!srtp_ready)
		return -EIO;
	struct secure *secure = g_new0(struct secure, 1);
	secure->ops = ops;
	secure->data = data;
	secure->profile = "";
	pthread_mutex_init(&secure->lock, NULL);
	secure->context = SSL_CTX_new(DTLS_method());
	if (!secure->context || SSL_CTX_use_certificate(secure->context, certificate->x509) != 1 ||
	    SSL_CTX_use_PrivateKey(secure->context, certificate->key) != 1 ||
	    SSL_CTX_set_tlsext_use_srtp(secure->context, "SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80") != 0) {
		secure_destroy(secure);
		return -EIO;
	}
	SSL_CTX_set_min_proto_version(secure->context, DTLS1_2_VERSION);
	SSL_CTX_set_options(secure->context, SSL_OP_NO_QUERY_MTU);
	SSL_CTX_set_read_ahead(secure->context, 1);
	SSL_CTX_set_verify(secure->context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, any_certificate);
	*ret_secure = secure;
	return 0;
}

void secure_destroy(struct secure *secure)
{
	if (!secure)
		return;
	if (secure->ssl && secure->ready)
		SSL_shutdown(secure->ssl);
	SSL_free(secure->ssl);
	SSL_CTX_free(secure->context);
	g_queue_clear_full(&secure->in, (GDestroyNotify)g_bytes_unref);
	if (secure->outbound)
		srtp_dealloc(secure->outbound);
	if (secure->inbound)
		srtp_dealloc(secure->inbound);
	pthread_mutex_destroy(&secure->lock);
	g_free(secure);
}

/* ---- handshake ---- */

static void fail(struct secure *secure, const char *why)
{
	if (secure->failed)
		return;
	secure->failed = true;
	secure->ops->failed(why, secure->data);
}

static bool fingerprint_check(struct secure *secure)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int length = 0;
	char text[200] = "";
	X509 *peer = SSL_get1_peer_certificate(secure->ssl);
	bool good = peer && X509_digest(peer, secure->hash, digest, &length) == 1;
	X509_free(peer);
	if (!good)
		return false;
	certificate_hex(digest, length, text, sizeof(text));
	return strcmp(text, secure->fingerprint) == 0;
}

static int srtp_open(const unsigned char *key, const unsigned char *salt, size_t key_bytes, size_t salt_bytes, bool gcm,
		     srtp_ssrc_type_t direction, srtp_t *ret_srtp)
{
	unsigned char both[64];
	srtp_policy_t policy;
	memset(&policy, 0, sizeof(policy));
	memcpy(both, key, key_bytes);
	memcpy(both + key_bytes, salt, salt_bytes);
	if (gcm) {
		srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp);
		srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp);
	} else {
		srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy.rtp);
		srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy.rtcp);
	}
	policy.ssrc.type = direction;
	policy.key = both;
	policy.window_size = REPLAY_WINDOW;
	policy.allow_repeat_tx = 1;
	srtp_err_status_t r = srtp_create(ret_srtp, &policy);
	explicit_bzero(both, sizeof(both));
	return r == srtp_err_status_ok ? 0 : -EIO;
}

/* RFC 5764 §4.2: client key, server key, client salt, server salt. */
static int keys_take(struct secure *secure)
{
	unsigned char keys[KEYS_MAX];
	const SRTP_PROTECTION_PROFILE *profile = SSL_get_selected_srtp_profile(secure->ssl);
	if (!profile)
		return -EPROTO;
	bool gcm = profile->id == SRTP_AEAD_AES_128_GCM;
	size_t key = 16, salt = gcm ? 12 : 14;
	if (SSL_export_keying_material(secure->ssl, keys, 2 * (key + salt), "EXTRACTOR-dtls_srtp", 19, NULL, 0, 0) != 1)
		return -EIO;
	const unsigned char *client_key = keys, *server_key = keys + key;
	const unsigned char *client_salt = keys + 2 * key, *server_salt = keys + 2 * key + salt;
	bool client = secure->client;
	pthread_mutex_lock(&secure->lock);
	int r = srtp_open(client ? client_key : server_key, client ? client_salt : server_salt, key, salt, gcm,
			  ssrc_any_outbound, &secure->outbound);
	pthread_mutex_unlock(&secure->lock);
	if (r == 0)
		r = srtp_open(client ? server_key : client_key, client ? server_salt : client_salt, key, salt,
			      gcm, ssrc_any_inbound, &secure->inbound);
	explicit_bzero(keys, sizeof(keys));
	secure->profile = profile->name;
	return r;
}

static int ssl_make(struct secure *secure)
{
	SSL *ssl = SSL_new(secure->context);
	BIO *bio = BIO_new(bio_method());
	if (!ssl || !bio) {
		SSL_free(ssl);
		BIO_free(bio);
		return -ENOMEM;
	}
	BIO_set_data(bio, secure);
	BIO_set_init(bio, 1);
	SSL_set_bio(ssl, bio, bio);
	DTLS_set_link_mtu(ssl, LINK_MTU);
	DTLS_set_timer_cb(ssl, first_timeout);
	if (secure->client)
		SSL_set_connect_state(ssl);
	else
		SSL_set_accept_state(ssl);
	SSL_free(secure->ssl);
	secure->ssl = ssl;
	return 0;
}

/* One bad datagram must not end a call: the handshake begins anew, a few times. */
static void handshake_again(struct secure *secure)
{
	char why[256];
	ERR_error_string_n(ERR_peek_error(), why, sizeof(why));
	if (++secure->handshakes > HANDSHAKES_MAX || ssl_make(secure) < 0) {
		g_autofree char *text = g_strdup_printf("peer: the DTLS handshake failed: %s", why);
		fail(secure, text);
		return;
	}
	log_warning("peer: DTLS begins anew: %s", why);
	SSL_do_handshake(secure->ssl);
}

static void handshake(struct secure *secure)
{
	if (secure->ready || secure->failed || !secure->started)
		return;
	ERR_clear_error();
	int r = SSL_do_handshake(secure->ssl);
	if (r != 1) {
		if (SSL_get_error(secure->ssl, r) == SSL_ERROR_SSL)
			handshake_again(secure);
		return;
	}
	if (!fingerprint_check(secure)) {
		fail(secure, "peer: its certificate is not the one that signalling named");
		return;
	}
	if (keys_take(secure) < 0) {
		fail(secure, "peer: no SRTP profile in common");
		return;
	}
	secure->ready = true;
	secure->ops->ready(secure->data);
}

int secure_start(struct secure *secure, bool client, const char *hash, const char *fingerprint)
{
	if (secure->started)
		return -EALREADY;
	secure->hash = strcmp(hash, "sha-256") == 0   ? EVP_sha256()
		       : strcmp(hash, "sha-384") == 0 ? EVP_sha384()
		       : strcmp(hash, "sha-512") == 0 ? EVP_sha512() : NULL;
	if (!secure->hash)
		return -ENOTSUP;
	g_strlcpy(secure->fingerprint, fingerprint, sizeof(secure->fingerprint));
	secure->client = client;
	if (ssl_make(secure) < 0)
		return -ENOMEM;
	secure->started = true;
	handshake(secure);
	return 0;
}

void secure_receive(struct secure *secure, const uint8_t *datagram, size_t bytes)
{
	if (g_queue_get_length(&secure->in) >= DATAGRAMS_MAX)
		return;
	g_queue_push_tail(&secure->in, g_bytes_new(datagram, bytes)); /* may come before secure_start() */
	if (secure->ready) {
		uint8_t unused[64];
		SSL_read(secure->ssl, unused, sizeof(unused)); /* answers a repeated flight; closing is signalling's */
		return;
	}
	handshake(secure);
}

int secure_timeout_ms(struct secure *secure)
{
	struct timeval left;
	if (!secure->started || secure->ready || secure->failed || DTLSv1_get_timeout(secure->ssl, &left) != 1)
		return -1;
	return (int)(left.tv_sec * 1000 + left.tv_usec / 1000 + 1);
}

void secure_tick(struct secure *secure)
{
	if (secure->started && !secure->ready && DTLSv1_handle_timeout(secure->ssl) >= 0)
		handshake(secure);
}

/* ---- packets ---- */

int secure_protect(struct secure *secure, bool rtcp, uint8_t *packet, size_t *bytes)
{
	int length = (int)*bytes;
	pthread_mutex_lock(&secure->lock);
	srtp_err_status_t r = !secure->outbound ? srtp_err_status_no_ctx
			      : rtcp		? srtp_protect_rtcp(secure->outbound, packet, &length)
						: srtp_protect(secure->outbound, packet, &length);
	pthread_mutex_unlock(&secure->lock);
	if (r != srtp_err_status_ok)
		return -ENOTCONN;
	*bytes = (size_t)length;
	return 0;
}

int secure_unprotect(struct secure *secure, bool rtcp, uint8_t *packet, size_t *bytes)
{
	int length = (int)*bytes;
	if (!secure->inbound)
		return -ENOTCONN;
	srtp_err_status_t r = rtcp ? srtp_unprotect_rtcp(secure->inbound, packet, &length)
				   : srtp_unprotect(secure->inbound, packet, &length);
	if (r != srtp_err_status_ok)
		return -EBADMSG;
	*bytes = (size_t)length;
	return 0;
}

const char *secure_profile(const struct secure *secure)
{
	return secure->profile;
}
