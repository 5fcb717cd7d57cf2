#include "core/screen/words.h"

#include <glib.h>
#include <string.h>

static const char *const words[WORDS][LANGUAGES] = {
	[WORD_READY] = { "Ready", "可以通话" },
	[WORD_OFFLINE] = { "Not connected", "未连接" },
	[WORD_DND] = { "Do not disturb", "请勿打扰" },
	[WORD_RECENT] = { "Recent calls", "最近通话" },
	[WORD_NO_CALLS] = { "No calls yet", "还没有通话" },
	[WORD_HOW_TO_CALL] = { "To reach this room, call", "呼叫本会议室：" },
	[WORD_YESTERDAY] = { "Yesterday", "昨天" },
	[WORD_RINGS_AUDIO] = { "is calling", "邀请您语音通话" },
	[WORD_RINGS_VIDEO] = { "is calling with video", "邀请您视频通话" },
	[WORD_ANSWER] = { "OK answers, Back refuses", "按“确定”接听，按“返回”拒绝" },
	[WORD_HANG_UP] = { "Back ends the call", "按“返回”结束通话" },
	[WORD_PREPARING] = { "Getting ready …", "正在准备 …" },
	[WORD_CALLING] = { "Calling …", "正在呼叫 …" },
	[WORD_RINGBACK] = { "It rings there …", "对方振铃中 …" },
	[WORD_CONNECTING] = { "Connecting …", "正在接通 …" },
	[WORD_RECOVERING] = { "Connection lost, trying again …", "连接中断，正在恢复 …" },
	[WORD_CALL_AUDIO] = { "Voice call", "语音通话" },
	[WORD_CALL_VIDEO] = { "Video call", "视频通话" },
	[WORD_NO_PICTURE] = { "The other side shows no picture", "对方没有画面" },
	[WORD_TROUBLE_NETWORK] = { "No network: this room cannot be called", "网络不通：本会议室无法被呼叫" },
	[WORD_TROUBLE_ACCOUNT] = { "No account is set up", "尚未设置账号" },
	[WORD_TROUBLE_CAMERA] = { "The camera is missing", "未找到摄像头" },
	[WORD_TROUBLE_MICROPHONE] = { "The microphone is missing", "未找到麦克风" },
	[WORD_TROUBLE_SPEAKER] = { "The speaker is missing", "未找到扬声器" },
	[WORD_TROUBLE_VIDEO] = { "The picture failed and is being restarted", "画面出错，正在重新启动" },
};

static const struct { const char *name; enum word word; } states[] = {
	{ "preparing", WORD_PREPARING }, { "calling", WORD_CALLING }, { "ringback", WORD_RINGBACK },
	{ "accepting", WORD_CONNECTING }, { "connecting", WORD_CONNECTING }, { "recovering", WORD_RECOVERING },
}, troubles[] = {
	{ "network", WORD_TROUBLE_NETWORK }, { "account", WORD_TROUBLE_ACCOUNT }, { "camera", WORD_TROUBLE_CAMERA },
	{ "microphone", WORD_TROUBLE_MICROPHONE }, { "speaker", WORD_TROUBLE_SPEAKER },
	{ "video", WORD_TROUBLE_VIDEO },
};

const char *word(enum language language, enum word which)
{
	return words[which][language];
}

enum language language_parse(const char *name)
{
	return strcmp(name, "zh") == 0 ? LANGUAGE_ZH : LANGUAGE_EN;
}

const char *word_of_state(enum language language, const char *state)
{
	for (size_t i = 0; i < G_N_ELEMENTS(states); i++)
		if (strcmp(states[i].name, state) == 0)
			return word(language, states[i].word);
	return "";
}

const char *word_of_trouble(enum language language, const char *code)
{
	for (size_t i = 0; i < G_N_ELEMENTS(troubles); i++)
		if (strcmp(troubles[i].name, code) == 0)
			return word(language, troubles[i].word);
	return NULL;
}

char *words_date(enum language language, const struct tm *day)
{
	static const char *const days[][LANGUAGES] = {
		{ "Sunday", "星期日" },	  { "Monday", "星期一" }, { "Tuesday", "星期二" }, { "Wednesday", "星期三" },
		{ "Thursday", "星期四" }, { "Friday", "星期五" }, { "Saturday", "星期六" },
	};
	static const char *const months[] = { "January", "February", "March", "April", "May", "June", "July",
					      "August", "September", "October", "November", "December" };
	const char *weekday = days[day->tm_wday % 7][language];
	return language == LANGUAGE_ZH
		       ? g_strdup_printf("%d月%d日 %s", day->tm_mon + 1, day->tm_mday, weekday)
		       : g_strdup_printf("%s, %d %s", weekday, day->tm_mday, months[day->tm_mon % 12]);
}

static int day_number(const struct tm *day)
{
	GDate date;
	g_date_clear(&date, 1);
	g_date_set_dmy(&date, (GDateDay)day->tm_mday, (GDateMonth)(day->tm_mon + 1), (GDateYear)(day->tm_year + 1900));
	return (int)g_date_get_julian(&date);
}

char *words_when(enum language language, time_t when, time_t now)
{
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct",
					      "Nov", "Dec" };
	struct tm then, today;
	localtime_r(&when, &then);
	localtime_r(&now, &today);
	int days = day_number(&today) - day_number(&then);
	if (days <= 0)
		return g_strdup_printf("%02d:%02d", then.tm_hour, then.tm_min);
	if (days == 1)
		return g_strdup(word(language, WORD_YESTERDAY));
	return language == LANGUAGE_ZH ? g_strdup_printf("%d月%d日", then.tm_mon + 1, then.tm_mday)
				       : g_strdup_printf("%d %s", then.tm_mday, months[then.tm_mon % 12]);
}
