/* packed: the headers that a program gives to the encoder (VAEncPackedHeader...), and whether they say what its
 * parameters say. */
#ifndef TESTS_VADRIVER_PACKED_H
#define TESTS_VADRIVER_PACKED_H

#include <va/va.h>
#include <va/va_enc_h264.h>

#include "tests/vadriver/headers.h"
#include "tests/vadriver/report.h"

struct packed {
	uint32_t type; /* VAEncPackedHeaderType */
	size_t bits; /* of data, start code included */
	bool escaped; /* data has emulation prevention bytes */
	GByteArray *data; /* NULL until the data buffer came */
};

/* The parameters of one picture. */
struct encode_parameters {
	VAEncSequenceParameterBufferH264 sequence;
	VAEncPictureParameterBufferH264 picture;
};

/* The sets as the parameters have them. */
struct h264_sps packed_sps_of(VAProfile profile, const struct encode_parameters *parameters,
		double frames_per_second);
struct h264_pps packed_pps_of(const struct encode_parameters *parameters);
struct h264_slice packed_slice_of(const struct encode_parameters *parameters,
		const VAEncSliceParameterBufferH264 *slice);

void packed_free(gpointer packed);
/* Bytes of the start code in front; 0: none. */
size_t packed_start_code(const struct packed *packed);
/* True when one of its NAL units is of this type. */
bool packed_has(const struct packed *packed, enum nal_type type);
/* Writes the header's bits behind the start code, without emulation prevention. */
void packed_put_rbsp(const struct packed *packed, struct bit_writer *writer);
/* Reports what differs: SPS and PPS of a parameter set header, the slice header against slice. */
void packed_check(const struct packed *packed, const struct encode_parameters *parameters,
		const VAEncSliceParameterBufferH264 *slice, struct report *report);

#endif
