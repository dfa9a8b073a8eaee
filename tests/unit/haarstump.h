/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A cascade with one stage and one stump, in the XML format of OpenCV 2 and later. The cascade
 * accepts windows of 20x20 whose left half is much brighter than their right half. */
#define HAAR_STUMP_SIDE 20
#define HAAR_STUMP                                                                                 \
  "<?xml version=\"1.0\"?><opencv_storage><cascade type_id=\"opencv-cascade-classifier\">"         \
  "<stageType>BOOST</stageType><featureType>HAAR</featureType><height>20</height>"                 \
  "<width>20</width><stageParams><maxWeakCount>1</maxWeakCount></stageParams><featureParams>"      \
  "<maxCatCount>0</maxCatCount></featureParams><stageNum>1</stageNum><stages><_>"                  \
  "<maxWeakCount>1</maxWeakCount><stageThreshold>0.5</stageThreshold><weakClassifiers><_>"         \
  "<internalNodes>0 -1 0 0.25</internalNodes><leafValues>-1. 1.</leafValues></_>"                  \
  "</weakClassifiers></_></stages><features><_><rects><_>0 0 20 20 -1.</_><_>0 0 10 20 2.</_>"     \
  "</rects></_></features></cascade></opencv_storage>"
