/* suppressor_webrtc: webrtc-audio-processing's echo canceller as a suppressor. The library speaks C++ only. */
#include <cstring>
#include <new>

#include <webrtc/modules/audio_processing/include/audio_processing.h>
#include <webrtc/modules/interface/module_common_types.h>

#include "core/devices/suppressor.h"

namespace {
const int kRate = 48000;
const int kBlock = 480;
}

struct suppressor {
	webrtc::AudioProcessing *processing;
	webrtc::AudioFrame frame;
	bool strong;
};

extern "C" struct suppressor *suppressor_create(void)
{
	struct suppressor *s = new (std::nothrow) struct suppressor;
	if (!s)
		return nullptr;
	webrtc::Config config;
	config.Set<webrtc::ExtendedFilter>(new webrtc::ExtendedFilter(true));
	s->processing = webrtc::AudioProcessing::Create(config);
	if (!s->processing) {
		delete s;
		return nullptr;
	}
	s->strong = true;
	s->processing->echo_cancellation()->enable_drift_compensation(false);
	s->processing->echo_cancellation()->set_suppression_level(webrtc::EchoCancellation::kHighSuppression);
	s->processing->echo_cancellation()->Enable(true);
	s->frame.sample_rate_hz_ = kRate;
	s->frame.num_channels_ = 1;
	s->frame.samples_per_channel_ = kBlock;
	return s;
}

extern "C" void suppressor_destroy(struct suppressor *s)
{
	if (!s)
		return;
	delete s->processing;
	delete s;
}

extern "C" void suppressor_run(struct suppressor *s, const int16_t *reference, int16_t *block, bool strong)
{
	if (strong != s->strong)
		s->processing->echo_cancellation()->set_suppression_level(
			strong ? webrtc::EchoCancellation::kHighSuppression
			       : webrtc::EchoCancellation::kLowSuppression);
	s->strong = strong;
	memcpy(s->frame.data_, reference, kBlock * sizeof(block[0]));
	s->processing->ProcessReverseStream(&s->frame);
	memcpy(s->frame.data_, block, kBlock * sizeof(block[0]));
	s->processing->set_stream_delay_ms(0);
	if (s->processing->ProcessStream(&s->frame) == 0)
		memcpy(block, s->frame.data_, kBlock * sizeof(block[0]));
}
