"""Templates for what goes on in time: sensors and video."""

from __future__ import annotations

from .template import Template

_SENSORS = """\
<View>
  <TimeSeriesLabels name="state" toName="series" showInline="true">
    <Label value="正常运行" alias="normal" background="#2f9e44" hotkey="1"/>
    <Label value="启停过程" alias="transition" background="#1971c2" hotkey="2"/>
    <Label value="异常" alias="anomaly" background="#d6336c" hotkey="3"/>
    <Label value="传感器失效" alias="sensor_failure" background="#868e96" hotkey="4"/>
  </TimeSeriesLabels>
  <TimeSeries name="series" value="$series" valueType="json" timeColumn="time"
              overviewChannels="vibration">
    <Channel column="vibration" displayName="振动" units="mm/s" strokeColor="#1657B8"
             displayFormat=",.2f"/>
    <Channel column="temperature" displayName="温度" units="℃" strokeColor="#e8590c"
             displayFormat=",.1f"/>
  </TimeSeries>
</View>
"""

_TRACKING = """\
<View>
  <Labels name="label" toName="video">
    <Label value="工件" alias="workpiece" background="#1971c2" hotkey="1"/>
    <Label value="人员" alias="person" background="#d6336c" hotkey="2"/>
    <Label value="叉车" alias="forklift" background="#e8590c" hotkey="3"/>
  </Labels>
  <Video name="video" value="$video" framerate="10"/>
  <VideoRectangle name="box" toName="video"/>
</View>
"""

_ACTIONS = """\
<View>
  <TimelineLabels name="action" toName="video">
    <Label value="取料" alias="pick" background="#1971c2" hotkey="1"/>
    <Label value="装配" alias="assemble" background="#2f9e44" hotkey="2"/>
    <Label value="检验" alias="inspect" background="#e8590c" hotkey="3"/>
    <Label value="等待" alias="wait" background="#868e96" hotkey="4"/>
    <Label value="违规动作" alias="violation" background="#d6336c" hotkey="5"/>
  </TimelineLabels>
  <Video name="video" value="$video" framerate="10" timelineHeight="120"/>
</View>
"""

TEMPLATES = (
    Template(
        "sensor_intervals",
        "series",
        "传感器时段标注",
        "Intervals of sensor readings",
        "在多路曲线上标出异常、启停等时段。数据字段：series"
        "（含 time、vibration、temperature 三列）。",
        "Mark intervals on several curves. Data: series (columns time, vibration, temperature).",
        _SENSORS,
    ),
    Template(
        "video_tracking",
        "series",
        "视频目标跟踪",
        "Objects tracked in video",
        "在关键帧上画框，逐帧跟踪工件、人员和车辆。数据字段：video。",
        "Draw boxes on key frames and follow workpieces, people and vehicles. Data: video.",
        _TRACKING,
    ),
    Template(
        "action_intervals",
        "series",
        "作业动作时段",
        "Actions in video",
        "在时间轴上标出各个作业动作的起止。数据字段：video。",
        "Mark on the timeline when each action begins and ends. Data: video.",
        _ACTIONS,
    ),
)
