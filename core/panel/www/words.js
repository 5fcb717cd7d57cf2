/* words: what the page says, in English and Chinese. One row a text; {x} is filled in. */

const ROWS = {
	title: ["Room panel", "会议室面板"],
	guestTitle: ["Call a room", "呼叫会议室"],
	online: ["Ready", "就绪"], connecting: ["Connecting …", "正在连接……"], offline: ["Not connected", "未连接"],
	refused: ["Login refused", "登录被拒绝"], kicked: ["Logged in elsewhere", "已在别处登录"],
	noAccount: ["No account is set up", "未设置账号"],
	recent: ["Recent calls", "最近通话"], missed: ["Missed", "未接"], missedCount: ["Missed calls: {n}", "未接来电：{n}"],
	all: ["All", "全部"], noContacts: ["Nobody has called or been called yet", "还没有联系人"],
	noCalls: ["No calls yet", "还没有通话"], noMissed: ["No missed calls", "没有未接来电"],
	call: ["Call", "呼叫"], callWhom: ["Whom to call", "呼叫对象"], account: ["Account", "账号"],
	accountHint: ["Account name, or several", "账号名称，可输入多个"], contacts: ["Contacts", "联系人"],
	videoCall: ["Video call", "视频通话"], audioCall: ["Audio call", "语音通话"],
	videoCallTo: ["Video call to {user}", "视频呼叫 {user}"], audioCallTo: ["Audio call to {user}", "语音呼叫 {user}"],
	back: ["Back", "返回"], settings: ["Settings", "设置"], close: ["Close", "关闭"],
	dnd: ["Do not disturb", "勿扰"], dndOn: ["Do not disturb is on: nobody can ring here", "勿扰已开启：来电不会响铃"],
	incomingVideo: ["Incoming video call", "视频来电"], incomingAudio: ["Incoming audio call", "语音来电"],
	groupCall: ["Group {group}", "群组 {group}"], alsoAsked: ["Also asked: {users}", "同时邀请：{users}"],
	askedNext: ["Next: {users}", "接下来呼叫：{users}"],
	accept: ["Accept", "接听"], acceptAudio: ["Accept with sound only", "仅语音接听"], reject: ["Reject", "拒绝"],
	calling: ["Calling …", "正在呼叫……"], ringing: ["Ringing …", "对方响铃中……"], cancel: ["Cancel", "取消"],
	connectingCall: ["Connecting …", "正在接通……"], reconnecting: ["Connection lost, trying again …", "连接中断，正在重试……"],
	hangup: ["Hang up", "挂断"], mute: ["Mute", "静音"], unmute: ["Unmute", "取消静音"],
	cameraOff: ["Camera off", "关闭摄像头"], cameraOn: ["Camera on", "打开摄像头"],
	toAudio: ["Sound only", "切换语音"], toVideo: ["With picture", "切换视频"],
	peerMuted: ["{user} is muted", "{user} 已静音"], peerCameraOff: ["{user}'s camera is off", "{user} 的摄像头已关闭"],
	ownView: ["Own picture", "本端画面"], remoteView: ["Picture of {user}", "{user} 的画面"],
	quality: ["Connection: {q}", "网络质量：{q}"],
	q0: ["unknown", "未知"], q1: ["excellent", "极好"], q2: ["good", "好"], q3: ["fair", "一般"], q4: ["poor", "差"],
	q5: ["unusable", "极差"],
	askVideo: ["{user} asks for a video call", "{user} 请求切换为视频通话"],
	askAudio: ["{user} asks for sound only", "{user} 请求切换为语音通话"], agree: ["Agree", "同意"], refuse: ["Refuse", "拒绝"],
	typeRefused: ["The other side did not agree", "对方未同意"],
	speakerVolume: ["Volume of the speaker", "扬声器音量"], microphoneVolume: ["Volume of the microphone", "麦克风音量"],
	pictureQuality: ["Quality of the picture", "画面质量"], quality_low: ["Low", "低"], quality_medium: ["Medium", "中"],
	quality_high: ["High", "高"],
	faultState: ["Not now: {rest}", "当前无法执行：{rest}"], faultNobody: ["There is no such account: {rest}", "没有这个账号：{rest}"],
	faultOffline: ["Not connected: {rest}", "未连接：{rest}"], faultOwn: ["That is this room's own account", "这是本会议室自己的账号"],
	faultNotAllowed: ["The administrator does not allow this here", "管理员未开放此操作"],
	faultNoAnswer: ["callboxd does not answer", "callboxd 无响应"], faultMicrophone: ["Microphone: {rest}", "麦克风：{rest}"],
	faultSpeaker: ["Speaker: {rest}", "扬声器：{rest}"],
	faultCamera: ["Camera: {rest}", "摄像头：{rest}"],
	language: ["Language", "语言"], automatic: ["Automatic", "自动"],
	timeout: ["How long a call rings", "呼叫响铃时长"], seconds: ["{n} s", "{n} 秒"],
	profile: ["Picture sent", "发送画质"], profile1080p: ["Full HD (1080p)", "全高清（1080p）"],
	profile720p: ["HD (720p)", "高清（720p）"], profile360p: ["Standard (360p)", "标清（360p）"],
	profile180p: ["Small (180p)", "流畅（180p）"], unchanged: ["As it is", "保持不变"],
	camera: ["Camera", "摄像头"], microphone: ["Microphone", "麦克风"], speaker: ["Speaker", "扬声器"],
	preview: ["Show own picture", "预览本端画面"], stopPreview: ["Hide own picture", "停止预览"],
	nothingAllowed: ["The administrator allows no further settings here.", "管理员未开放其他设置。"],
	token: ["Token", "令牌"], tokenWanted: ["This panel asks for its token", "请输入面板令牌"], open: ["Open", "打开"],
	tokenWrong: ["That token is wrong", "令牌错误"], login: ["Log in", "登录"], logout: ["Log out", "退出登录"],
	loginTo: ["Log in to call a room, and to be called", "登录后即可呼叫会议室，也可被呼叫"],
	outgoing: ["Outgoing", "呼出"], incoming: ["Incoming", "呼入"],
	noPanel: ["The panel is not connected: {why}. Trying again …", "面板未连接：{why}。正在重试……"],
	whyClosed: ["callboxd was stopped", "callboxd 已停止"], whyBox: ["callboxd does not answer", "callboxd 无响应"],
	whyPanel: ["the panel does not answer", "面板无响应"], whySlow: ["this page was too slow", "页面响应过慢"],
	end2: ["Nobody answered", "无人接听"], end3: ["{user} is busy", "{user} 忙线中"], end1: ["No media credentials", "缺少媒体凭证"],
	end4: ["Sound and picture could not be started", "音视频启动失败"], end5: ["No connection for sound and picture", "音视频连接失败"],
	end7: ["The call could not be set up", "呼叫建立失败"], end8: ["The account logged in elsewhere", "账号已在别处登录"],
	end10: ["The connection was lost", "连接已中断"], end11: ["Canceled", "已取消"], end12: ["{user} canceled", "{user} 已取消"],
	end13: ["Rejected", "已拒绝"], end14: ["{user} rejected the call", "{user} 拒绝了通话"], end15: ["Call ended", "通话结束"],
	end16: ["{user} hung up", "{user} 已挂断"], end17: ["Rejected on another device", "已在其他设备拒绝"],
	end18: ["Answered on another device", "已在其他设备接听"], end19: ["The connection was lost", "连接已中断"],
	end20: ["{user} lost the connection", "{user} 的连接已中断"], end21: ["The call could not be connected", "通话接通失败"],
	status1: ["Answered", "已接通"], status2: ["Canceled", "已取消"], status3: ["Rejected", "已拒绝"],
	status4: ["Not answered", "未接听"], status5: ["Busy", "忙线"],
	maxcall: ["The call ends in {n} s", "通话将在 {n} 秒后结束"], prolong: ["Go on", "继续通话"],
	announceCalling: ["Calling {user}", "正在呼叫 {user}"], announceRinging: ["It rings at {user}", "{user} 响铃中"],
	announceConnected: ["Connected with {user}", "已与 {user} 接通"], announceMuted: ["You are muted", "本端已静音"],
	duration: ["Duration", "通话时长"], shown: ["Calls that are shown", "显示的通话"],
	announceIncoming: ["{kind} from {user}", "{user} 的{kind}"],
	lineNote: ["{user}: {state} – {why}", "{user}：{state}，{why}"],
	noHub: ["The hub does not answer: {rest}", "服务器无响应：{rest}"], wrongToken: ["The token of {rest} is wrong", "{rest} 的令牌错误"],
	endNotReached: ["{user} was not reached: it rang nowhere", "无法接通 {user}：没有设备响铃"],
	deviceRefused: ["this page may not use it; the browser's address bar lets it", "浏览器未授权，请在地址栏中允许使用"],
	deviceNone: ["there is none", "未找到设备"], deviceBusy: ["another program uses it", "正被其他程序占用"],
	needsSecure: ["Camera and microphone need https, or a page of this very machine.", "摄像头和麦克风需要 https 或本机页面。"],
};

export const LANGUAGES = [["en", "English"], ["zh", "中文"]];

/* wanted: en, zh or auto */
export function languageOf(wanted) {
	if (wanted === "en" || wanted === "zh")
		return wanted;
	return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}

export function translator(language) {
	const column = language === "zh" ? 1 : 0;
	return (name, values = {}) =>
		(ROWS[name] ? ROWS[name][column] : name).replace(/\{(\w+)\}/g, (whole, key) => String(values[key] ?? ""));
}

/* What callboxd, the panel and the hub say, in the page's language; what is not known here is said as it came. */
const FAULTS = [
	[/^account (?:.*?) is (?:offline|connecting): (wss?:\S+) does not answer$/, "noHub"],
	[/^(wss?:\S+) does not answer$/, "noHub"],
	[/^(?:hub \S+: )?wrong token for account "(.*)"/, "wrongToken"],
	[/^(?:hub \S+: )?no account "(.*)" on this hub/, "faultNobody"],
	[/logged in (?:elsewhere|on another device)/, "end8"],
	[/^(?:account \S+ is \w+: )?hub (\S+): /, "noHub"],
	[/^not allowed$/, "deviceRefused"],
	[/^none found$/, "deviceNone"],
	[/^in use$/, "deviceBusy"],
	[/^no secure page/, "needsSecure"],
	[/^wrong state: (.*)/, "faultState"],
	[/invite to (.*): no such account/, "faultNobody"],
	[/^account (.*) is (?:offline|connecting|refused|kicked)/, "faultOffline"],
	[/own account|account of this box itself/, "faultOwn"],
	[/configuration does not allow this/, "faultNotAllowed"],
	[/no answer$|does not answer$/, "faultNoAnswer"],
	[/^microphone:? (.*)/, "faultMicrophone"],
	[/^camera:? (.*)/, "faultCamera"],
];
export function faultWords(t, message) {
	for (const [pattern, word] of FAULTS) {
		const match = pattern.exec(message);
		if (match) return t(word, { rest: match[1] });
	}
	return message;
}

export const hasWord = (name) => Object.hasOwn(ROWS, name);
