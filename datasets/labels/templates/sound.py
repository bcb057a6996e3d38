"""Templates for speech and for the sounds of machines."""

from __future__ import annotations

from .template import Template

_SPEECH = """\
<View>
  <Labels name="speaker" toName="audio" showInline="true">
    <Label value="说话人一" alias="speaker_1" background="#1971c2" hotkey="1"/>
    <Label value="说话人二" alias="speaker_2" background="#d6336c" hotkey="2"/>
    <Label value="噪声" alias="noise" background="#868e96" hotkey="3"/>
  </Labels>
  <Audio name="audio" value="$audio" zoom="true" speed="true" volume="true"/>
  <TextArea name="transcription" toName="audio" perRegion="true" editable="true"
            rows="2" maxSubmissions="1" placeholder="逐字转写这一段"
            displayMode="region-list"/>
</View>
"""

_MACHINE = """\
<View>
  <Labels name="event" toName="audio" showInline="true">
    <Label value="敲击" alias="knock" background="#d6336c" hotkey="1"/>
    <Label value="啸叫" alias="squeal" background="#e8590c" hotkey="2"/>
    <Label value="摩擦" alias="rub" background="#1971c2" hotkey="3"/>
    <Label value="漏气" alias="hiss" background="#2f9e44" hotkey="4"/>
  </Labels>
  <Audio name="audio" value="$audio" zoom="true" speed="true" volume="true"/>
  <Header value="整段判定" size="5"/>
  <Choices name="state" toName="audio" choice="single-radio" showInline="true" required="true"
           requiredMessage="请先选择整段判定">
    <Choice value="正常" alias="normal" hotkey="q"/>
    <Choice value="异常" alias="abnormal" hotkey="w"/>
    <Choice value="无法判断" alias="unclear" hotkey="a"/>
  </Choices>
</View>
"""

TEMPLATES = (
    Template(
        "speech_transcription",
        "sound",
        "语音转写（分段）",
        "Speech in segments",
        "切分语音，标明说话人并逐段转写。数据字段：audio。",
        "Cut speech into segments, name the speaker and write down each. Data: audio.",
        _SPEECH,
    ),
    Template(
        "machine_sounds",
        "sound",
        "机器异响事件",
        "Abnormal sounds of machines",
        "在录音上标出异响的起止时间，并判定整段是否异常。数据字段：audio。",
        "Mark when a machine sounds wrong, and judge the whole recording. Data: audio.",
        _MACHINE,
    ),
)
