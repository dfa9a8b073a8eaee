/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* HaarVector is a vector of 16-bit integers, as wide as the registers of the instruction set for
 * which the file is compiled. HaarMask has one flag for each lane of a vector; haar_mask_bits()
 * returns the flags as bits, of which the lowest one belongs to lane 0. */

/* The number of vectors that are evaluated together, which is as many as fit into the processor's
 * registers. */
#define HAAR_ABREAST 4

#if defined(__AVX512BW__)
#include <immintrin.h>
#ifdef HAAR_HALVES /* see haar_halves_judge_spans() */
#define HAAR_LANES 16
typedef __m256i HaarVector;
typedef __mmask16 HaarMask;
#define haar_load(p) _mm256_loadu_si256 ((const __m256i *) (p))
#define haar_store(p, v) _mm256_storeu_si256 ((__m256i *) (p), v)
#define haar_set(x) _mm256_set1_epi16 (x)
#define haar_broadcast(twin) _mm256_set1_epi32 (twin)
#define haar_add(a, b) _mm256_add_epi16 (a, b)
#define haar_sub(a, b) _mm256_sub_epi16 (a, b)
#define haar_sub_saturated(a, b) _mm256_subs_epi16 (a, b)
#define haar_larger(a, b) _mm256_max_epi16 (a, b)
#define haar_multiply(a, b) _mm256_mullo_epi16 (a, b)
#define haar_multiply_high(a, b) _mm256_mulhi_epi16 (a, b)
#define haar_shift_right(a, n) _mm256_srl_epi16 (a, _mm_cvtsi32_si128 (n))
#define haar_greater(a, b) _mm256_cmpgt_epi16_mask (a, b)
#define haar_add_if(m, a, b) _mm256_mask_add_epi16 (a, m, a, b)
#define haar_if(m, a) _mm256_maskz_mov_epi16 (m, a)
#define haar_mask_bits(m) ((guint32) (m))
#define haar_zip_low_16(a, b) _mm256_unpacklo_epi16 (a, b)
#define haar_zip_high_16(a, b) _mm256_unpackhi_epi16 (a, b)
#define haar_zip_low_32(a, b) _mm256_unpacklo_epi32 (a, b)
#define haar_zip_high_32(a, b) _mm256_unpackhi_epi32 (a, b)
#define haar_zip_low_64(a, b) _mm256_unpacklo_epi64 (a, b)
#define haar_zip_high_64(a, b) _mm256_unpackhi_epi64 (a, b)
#define HAAR_PIECE(p) _mm_loadu_si128 ((const __m128i *) (p))
static inline HaarVector
haar_load_pieces (const guint16 *const *p, gssize offset)
{
  return _mm256_inserti128_si256 (
      _mm256_castsi128_si256 (HAAR_PIECE (p[0] + offset)), HAAR_PIECE (p[8] + offset), 1);
}

/* Returns the numbers that are in the set: the upper bits of a number select one of the set's 16
 * words, and the lower bits select a bit of this word. */
static inline HaarMask
haar_in_set (HaarVector numbers, const guint32 *set)
{
  __m256i words = _mm256_permutexvar_epi16 (_mm256_srli_epi16 (numbers, 4), haar_load (set));
  __m256i bits = _mm256_and_si256 (numbers, _mm256_set1_epi16 (15));

  return _mm256_test_epi16_mask (_mm256_srlv_epi16 (words, bits), _mm256_set1_epi16 (1));
}

#else
#define HAAR_LANES 32
typedef __m512i HaarVector;
typedef __mmask32 HaarMask;
#define haar_load(p) _mm512_loadu_si512 (p)
#define haar_store(p, v) _mm512_storeu_si512 (p, v)
#define haar_set(x) _mm512_set1_epi16 (x)
#define haar_broadcast(twin) _mm512_set1_epi32 (twin)
#define haar_add(a, b) _mm512_add_epi16 (a, b)
#define haar_sub(a, b) _mm512_sub_epi16 (a, b)
#define haar_sub_saturated(a, b) _mm512_subs_epi16 (a, b)
#define haar_larger(a, b) _mm512_max_epi16 (a, b)
#define haar_multiply(a, b) _mm512_mullo_epi16 (a, b)
#define haar_multiply_high(a, b) _mm512_mulhi_epi16 (a, b)
#define haar_shift_right(a, n) _mm512_srl_epi16 (a, _mm_cvtsi32_si128 (n))
#define haar_greater(a, b) _mm512_cmpgt_epi16_mask (a, b)
#define haar_add_if(m, a, b) _mm512_mask_add_epi16 (a, m, a, b)
#define haar_if(m, a) _mm512_maskz_mov_epi16 (m, a)
#define haar_mask_bits(m) ((guint32) (m))
#define haar_zip_low_16(a, b) _mm512_unpacklo_epi16 (a, b)
#define haar_zip_high_16(a, b) _mm512_unpackhi_epi16 (a, b)
#define haar_zip_low_32(a, b) _mm512_unpacklo_epi32 (a, b)
#define haar_zip_high_32(a, b) _mm512_unpackhi_epi32 (a, b)
#define haar_zip_low_64(a, b) _mm512_unpacklo_epi64 (a, b)
#define haar_zip_high_64(a, b) _mm512_unpackhi_epi64 (a, b)
#define HAAR_PIECE(p) _mm_loadu_si128 ((const __m128i *) (p))
static inline HaarVector
haar_load_pieces (const guint16 *const *p, gssize offset)
{
  HaarVector v = _mm512_castsi128_si512 (HAAR_PIECE (p[0] + offset));

  v = _mm512_inserti32x4 (v, HAAR_PIECE (p[8] + offset), 1);
  v = _mm512_inserti32x4 (v, HAAR_PIECE (p[16] + offset), 2);
  return _mm512_inserti32x4 (v, HAAR_PIECE (p[24] + offset), 3);
}

/* Returns the numbers that are in the set: the upper bits of a number select one of the set's 16
 * words, and the lower bits select a bit of this word. */
static inline HaarMask
haar_in_set (HaarVector numbers, const guint32 *set)
{
  __m512i table = _mm512_broadcast_i64x4 (_mm256_loadu_si256 ((const __m256i *) set));
  __m512i words = _mm512_permutexvar_epi16 (_mm512_srli_epi16 (numbers, 4), table);
  __m512i bits = _mm512_and_si512 (numbers, _mm512_set1_epi16 (15));

  return _mm512_test_epi16_mask (_mm512_srlv_epi16 (words, bits), _mm512_set1_epi16 (1));
}

#endif

/* A vector of 32-bit integers. */
#define HAAR_WIDE_LANES 16
typedef __m512i HaarWide;
#define haar_wide_zero() _mm512_setzero_si512 ()
#define haar_wide_load(p) _mm512_loadu_si512 (p)
#define haar_wide_store(p, v) _mm512_storeu_si512 (p, v)
#define haar_wide_add(a, b) _mm512_add_epi32 (a, b)
#define haar_wide_sub(a, b) _mm512_sub_epi32 (a, b)
#define haar_wide_pixels(p) _mm512_cvtepu8_epi32 (HAAR_PIECE (p))
#define haar_wide_pairs(p) _mm512_cvtepu16_epi32 (_mm256_loadu_si256 ((const __m256i *) (p)))
#define haar_wide_first(pairs) _mm512_and_si512 (pairs, _mm512_set1_epi32 (0xff))
#define haar_wide_second(pairs) _mm512_srli_epi32 (pairs, 8)
#define haar_wide_square(pixels) _mm512_madd_epi16 (pixels, pixels)
#define haar_wide_last(v) _mm512_permutexvar_epi32 (_mm512_set1_epi32 (15), v)
#define haar_wide_to_last(v)                                                                       \
  ((guint32) _mm_cvtsi128_si32 (_mm512_castsi512_si128 (haar_wide_last (v))))
#define haar_wide_store_low(p, v) _mm256_storeu_si256 ((__m256i *) (p), _mm512_cvtepi32_epi16 (v))
/* Returns, in each lane, the sum of this lane and all lower lanes. */
static inline HaarWide
haar_wide_running (HaarWide v)
{
  const __m512i zero = _mm512_setzero_si512 ();

  v = _mm512_add_epi32 (v, _mm512_alignr_epi32 (v, zero, 15));
  v = _mm512_add_epi32 (v, _mm512_alignr_epi32 (v, zero, 14));
  v = _mm512_add_epi32 (v, _mm512_alignr_epi32 (v, zero, 12));
  return _mm512_add_epi32 (v, _mm512_alignr_epi32 (v, zero, 8));
}

/* Makes a row smaller. Picks 16 pairs of neighbouring pixels at a time from the two vectors that
 * begin at firsts[i], or fewer pairs if the picture is made so small that 16 pairs don't fit into
 * two vectors. */
static inline void
haar_shrink (const gint16 *from, const gint32 *firsts, const guint32 *weights, gint n,
    gdouble scale, guint8 *to)
{
  const __m512i rounding = _mm512_set1_epi32 ((1 << 23) + (1 << 15));
  gint step = MIN (16, 1 + (gint) (61 / scale));

  for (gint i = 0; i < n; i += step) {
    const gint16 *base = from + firsts[i];
    __m512i places =
        _mm512_sub_epi32 (_mm512_loadu_si512 (firsts + i), _mm512_set1_epi32 (firsts[i]));
    __m512i pairs = _mm512_add_epi32 (
        _mm512_or_si512 (places, _mm512_slli_epi32 (places, 16)), _mm512_set1_epi32 (1 << 16));
    __m512i values = _mm512_permutex2var_epi16 (
        _mm512_loadu_si512 (base), pairs, _mm512_loadu_si512 (base + 32));
    __m512i sums = _mm512_madd_epi16 (values, _mm512_loadu_si512 (weights + i));

    sums = _mm512_srli_epi32 (_mm512_add_epi32 (sums, rounding), 16);
    _mm_storeu_si128 ((__m128i *) (to + i), _mm512_cvtepi32_epi8 (sums));
  }
}

#elif defined(__AVX2__)
#include <immintrin.h>
#define HAAR_LANES 16
typedef __m256i HaarVector;
typedef __m256i HaarMask;
#define haar_load(p) _mm256_loadu_si256 ((const __m256i *) (p))
#define haar_store(p, v) _mm256_storeu_si256 ((__m256i *) (p), v)
#define haar_set(x) _mm256_set1_epi16 (x)
#define haar_broadcast(twin) _mm256_set1_epi32 (twin)
#define haar_add(a, b) _mm256_add_epi16 (a, b)
#define haar_sub(a, b) _mm256_sub_epi16 (a, b)
#define haar_sub_saturated(a, b) _mm256_subs_epi16 (a, b)
#define haar_larger(a, b) _mm256_max_epi16 (a, b)
#define haar_multiply(a, b) _mm256_mullo_epi16 (a, b)
#define haar_multiply_high(a, b) _mm256_mulhi_epi16 (a, b)
#define haar_shift_right(a, n) _mm256_srl_epi16 (a, _mm_cvtsi32_si128 (n))
#define haar_greater(a, b) _mm256_cmpgt_epi16 (a, b)
#define haar_add_if(m, a, b) _mm256_add_epi16 (a, _mm256_and_si256 (m, b))
#define haar_if(m, a) _mm256_and_si256 (m, a)
#define haar_zip_low_16(a, b) _mm256_unpacklo_epi16 (a, b)
#define haar_zip_high_16(a, b) _mm256_unpackhi_epi16 (a, b)
#define haar_zip_low_32(a, b) _mm256_unpacklo_epi32 (a, b)
#define haar_zip_high_32(a, b) _mm256_unpackhi_epi32 (a, b)
#define haar_zip_low_64(a, b) _mm256_unpacklo_epi64 (a, b)
#define haar_zip_high_64(a, b) _mm256_unpackhi_epi64 (a, b)
#define HAAR_PIECE(p) _mm_loadu_si128 ((const __m128i *) (p))
static inline guint32
haar_mask_bits (HaarMask m)
{
  return (guint32) _mm_movemask_epi8 (
      _mm_packs_epi16 (_mm256_castsi256_si128 (m), _mm256_extracti128_si256 (m, 1)));
}

static inline HaarVector
haar_load_pieces (const guint16 *const *p, gssize offset)
{
  return _mm256_inserti128_si256 (
      _mm256_castsi128_si256 (HAAR_PIECE (p[0] + offset)), HAAR_PIECE (p[8] + offset), 1);
}

/* Returns the numbers that are in the set: the upper five bits of a number select one of the set's
 * 32 bytes, and the lower three bits select a bit of this byte. */
static inline HaarMask
haar_in_set (HaarVector numbers, const guint32 *set)
{
  const __m256i bits = _mm256_set1_epi64x ((gint64) G_GUINT64_CONSTANT (0x8040201008040201));
  const __m256i low = _mm256_broadcastsi128_si256 (HAAR_PIECE (set));
  const __m256i high = _mm256_broadcastsi128_si256 (HAAR_PIECE (set + 4));
  __m256i places = _mm256_srli_epi16 (numbers, 3);
  __m256i bytes = _mm256_blendv_epi8 (_mm256_shuffle_epi8 (low, places),
      _mm256_shuffle_epi8 (high, places), _mm256_cmpgt_epi16 (places, _mm256_set1_epi16 (15)));
  __m256i bit = _mm256_shuffle_epi8 (bits, _mm256_and_si256 (numbers, _mm256_set1_epi16 (7)));
  __m256i tested = _mm256_and_si256 (_mm256_and_si256 (bytes, bit), _mm256_set1_epi16 (0xff));

  return _mm256_cmpgt_epi16 (tested, _mm256_setzero_si256 ());
}

/* A vector of 32-bit integers. */
#define HAAR_WIDE_LANES 8
typedef __m256i HaarWide;
#define haar_wide_zero() _mm256_setzero_si256 ()
#define haar_wide_load(p) _mm256_loadu_si256 ((const __m256i *) (p))
#define haar_wide_store(p, v) _mm256_storeu_si256 ((__m256i *) (p), v)
#define haar_wide_add(a, b) _mm256_add_epi32 (a, b)
#define haar_wide_sub(a, b) _mm256_sub_epi32 (a, b)
#define haar_wide_pixels(p) _mm256_cvtepu8_epi32 (_mm_loadl_epi64 ((const __m128i *) (p)))
#define haar_wide_pairs(p) _mm256_cvtepu16_epi32 (HAAR_PIECE (p))
#define haar_wide_first(pairs) _mm256_and_si256 (pairs, _mm256_set1_epi32 (0xff))
#define haar_wide_second(pairs) _mm256_srli_epi32 (pairs, 8)
#define haar_wide_square(pixels) _mm256_madd_epi16 (pixels, pixels)
#define haar_wide_last(v) _mm256_permutevar8x32_epi32 (v, _mm256_set1_epi32 (7))
#define haar_wide_to_last(v) ((guint32) _mm256_extract_epi32 (v, 7))
/* Returns, in each lane, the sum of this lane and all lower lanes. */
static inline HaarWide
haar_wide_running (HaarWide v)
{
  __m256i low;

  v = _mm256_add_epi32 (v, _mm256_slli_si256 (v, 4));
  v = _mm256_add_epi32 (v, _mm256_slli_si256 (v, 8));
  low = _mm256_permute2x128_si256 (v, v, 0x08);
  return _mm256_add_epi32 (v, _mm256_shuffle_epi32 (low, 0xff));
}

static inline void
haar_wide_store_low (guint16 *p, HaarWide v)
{
  v = _mm256_and_si256 (v, _mm256_set1_epi32 (0xffff));
  v = _mm256_permute4x64_epi64 (_mm256_packus_epi32 (v, v), 0x08);
  _mm_storeu_si128 ((__m128i *) p, _mm256_castsi256_si128 (v));
}

/* Makes a row smaller, reading each pair of neighbouring pixels as one lane of 32 bits. */
static inline void
haar_shrink (const gint16 *from, const gint32 *firsts, const guint32 *weights, gint n,
    gdouble scale, guint8 *to)
{
  const __m256i rounding = _mm256_set1_epi32 ((1 << 23) + (1 << 15));

  for (gint i = 0; i < n; i += 8) {
    __m256i values = _mm256_i32gather_epi32 ((const int *) from, haar_load (firsts + i), 2);
    __m256i sums = _mm256_madd_epi16 (values, haar_load (weights + i));

    sums = _mm256_srli_epi32 (_mm256_add_epi32 (sums, rounding), 16);
    sums = _mm256_packus_epi32 (sums, _mm256_permute2x128_si256 (sums, sums, 0x11));
    sums = _mm256_packus_epi16 (sums, sums);
    _mm_storel_epi64 ((__m128i *) (to + i), _mm256_castsi256_si128 (sums));
  }
}

#elif defined(HAAR_NEON)
#include <arm_neon.h>
#include <string.h>
#define HAAR_LANES 8
typedef int16x8_t HaarVector;
typedef uint16x8_t HaarMask;
#define haar_load(p) vld1q_s16 ((const gint16 *) (p))
#define haar_store(p, v) vst1q_s16 ((gint16 *) (p), v)
#define haar_set(x) vdupq_n_s16 ((gint16) (x))
#define haar_broadcast(twin) vreinterpretq_s16_s32 (vdupq_n_s32 (twin))
#define haar_add(a, b) vaddq_s16 (a, b)
#define haar_sub(a, b) vsubq_s16 (a, b)
#define haar_sub_saturated(a, b) vqsubq_s16 (a, b)
#define haar_larger(a, b) vmaxq_s16 (a, b)
#define haar_multiply(a, b) vmulq_s16 (a, b)
/* Returns the upper half of a product of 16-bit numbers, as half of the upper half of twice the
 * product. Twice the product saturates only for -32768 squared, which doesn't occur, because no
 * contrast is below -1. */
#define haar_multiply_high(a, b) vshrq_n_s16 (vqdmulhq_s16 (a, b), 1)
#define haar_shift_right(a, n)                                                                     \
  vreinterpretq_s16_u16 (vshlq_u16 (vreinterpretq_u16_s16 (a), vdupq_n_s16 ((gint16) - (n))))
#define haar_greater(a, b) vcgtq_s16 (a, b)
#define haar_add_if(m, a, b) vaddq_s16 (a, haar_if (m, b))
#define haar_if(m, a) vandq_s16 (vreinterpretq_s16_u16 (m), a)
#define HAAR_ZIP_32(zip, a, b)                                                                     \
  vreinterpretq_s16_s32 (zip (vreinterpretq_s32_s16 (a), vreinterpretq_s32_s16 (b)))
#define HAAR_ZIP_64(zip, a, b)                                                                     \
  vreinterpretq_s16_s64 (zip (vreinterpretq_s64_s16 (a), vreinterpretq_s64_s16 (b)))
#define haar_zip_low_16(a, b) vzip1q_s16 (a, b)
#define haar_zip_high_16(a, b) vzip2q_s16 (a, b)
#define haar_zip_low_32(a, b) HAAR_ZIP_32 (vzip1q_s32, a, b)
#define haar_zip_high_32(a, b) HAAR_ZIP_32 (vzip2q_s32, a, b)
#define haar_zip_low_64(a, b) HAAR_ZIP_64 (vzip1q_s64, a, b)
#define haar_zip_high_64(a, b) HAAR_ZIP_64 (vzip2q_s64, a, b)
#define haar_load_pieces(p, offset) haar_load ((p)[0] + (offset))
static inline guint32
haar_mask_bits (HaarMask m)
{
  const uint16x8_t bits = {1, 2, 4, 8, 16, 32, 64, 128};

  return vaddvq_u16 (vandq_u16 (m, bits));
}

/* Returns the numbers that are in the set: the upper five bits of a number select one of the set's
 * 32 bytes, and the lower three bits select a bit of this byte. */
static inline HaarMask
haar_in_set (HaarVector numbers, const guint32 *set)
{
  const uint8x16x2_t table = {
      {vld1q_u8 ((const guint8 *) set), vld1q_u8 ((const guint8 *) (set + 4))}};
  uint16x8_t n = vreinterpretq_u16_s16 (numbers);
  uint8x8_t bytes = vqtbl2_u8 (table, vmovn_u16 (vshrq_n_u16 (n, 3)));
  uint16x8_t bits =
      vshlq_u16 (vdupq_n_u16 (1), vreinterpretq_s16_u16 (vandq_u16 (n, vdupq_n_u16 (7))));

  return vtstq_u16 (vmovl_u8 (bytes), bits);
}

/* A vector of 32-bit integers. */
#define HAAR_WIDE_LANES 4
typedef uint32x4_t HaarWide;
#define haar_wide_zero() vdupq_n_u32 (0)
#define haar_wide_load(p) vld1q_u32 (p)
#define haar_wide_store(p, v) vst1q_u32 (p, v)
#define haar_wide_add(a, b) vaddq_u32 (a, b)
#define haar_wide_sub(a, b) vsubq_u32 (a, b)
#define haar_wide_pairs(p) vmovl_u16 (vreinterpret_u16_u8 (vld1_u8 (p)))
#define haar_wide_first(pairs) vandq_u32 (pairs, vdupq_n_u32 (0xff))
#define haar_wide_second(pairs) vshrq_n_u32 (pairs, 8)
#define haar_wide_square(pixels) vmulq_u32 (pixels, pixels)
#define haar_wide_last(v) vdupq_laneq_u32 (v, 3)
#define haar_wide_to_last(v) vgetq_lane_u32 (v, 3)
#define haar_wide_store_low(p, v) vst1_u16 (p, vmovn_u32 (v))
static inline HaarWide
haar_wide_pixels (const guint8 *p)
{
  guint32 four;

  memcpy (&four, p, sizeof four);
  return vmovl_u16 (vget_low_u16 (vmovl_u8 (vreinterpret_u8_u32 (vdup_n_u32 (four)))));
}

/* Returns, in each lane, the sum of this lane and all lower lanes. */
static inline HaarWide
haar_wide_running (HaarWide v)
{
  const uint32x4_t zero = vdupq_n_u32 (0);

  v = vaddq_u32 (v, vextq_u32 (zero, v, 3));
  return vaddq_u32 (v, vextq_u32 (zero, v, 2));
}

/* Returns the weighted and rounded means of four pairs of neighbouring pixels. */
static inline uint16x4_t
haar_shrink_4 (const gint16 *from, const gint32 *firsts, const guint32 *weights)
{
  const int32x4_t rounding = vdupq_n_s32 ((1 << 23) + (1 << 15));
  const int16x8_t w = vreinterpretq_s16_u32 (vld1q_u32 (weights));
  gint16 pairs[8];
  int16x8_t values;

  for (gint i = 0; i < 4; i++)
    memcpy (pairs + 2 * i, from + firsts[i], 2 * sizeof *pairs);
  values = vld1q_s16 (pairs);
  return vreinterpret_u16_s16 (vaddhn_s32 (
      vpaddq_s32 (vmull_s16 (vget_low_s16 (values), vget_low_s16 (w)), vmull_high_s16 (values, w)),
      rounding));
}

static inline void
haar_shrink (const gint16 *from, const gint32 *firsts, const guint32 *weights, gint n,
    gdouble scale, guint8 *to)
{
  for (gint i = 0; i < n; i += 8) {
    uint16x4_t low = haar_shrink_4 (from, firsts + i, weights + i);
    uint16x4_t high = haar_shrink_4 (from, firsts + i + 4, weights + i + 4);

    vst1_u8 (to + i, vmovn_u16 (vcombine_u16 (low, high)));
  }
}

#else
#include <string.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif
/* The compiler's own vectors of 16 bytes work on every target. For what the operators of these
 * vectors can't compute, instructions of SSE2 or loops are used. */
#define HAAR_LANES 8
typedef gint16 HaarVector __attribute__ ((vector_size (16)));
typedef gint32 HaarVector32 __attribute__ ((vector_size (16)));
typedef gint64 HaarVector64 __attribute__ ((vector_size (16)));
typedef guint16 HaarUnsigned __attribute__ ((vector_size (16)));
typedef HaarVector HaarMask;
#define haar_set(x)                                                                                \
  ((HaarVector){(gint16) (x), (gint16) (x), (gint16) (x), (gint16) (x), (gint16) (x),              \
      (gint16) (x), (gint16) (x), (gint16) (x)})
#define haar_broadcast(twin) ((HaarVector) (HaarVector32){twin, twin, twin, twin})
/* Sums, differences and products are computed as unsigned numbers, because they are modulo 2^16,
 * and signed overflow is undefined. */
#define haar_add(a, b) ((HaarVector) ((HaarUnsigned) (a) + (HaarUnsigned) (b)))
#define haar_sub(a, b) ((HaarVector) ((HaarUnsigned) (a) - (HaarUnsigned) (b)))
#define haar_multiply(a, b) ((HaarVector) ((HaarUnsigned) (a) * (HaarUnsigned) (b)))
#define haar_shift_right(a, n) ((HaarVector) ((HaarUnsigned) (a) >> (guint16) (n)))
#define haar_greater(a, b) ((HaarMask) ((a) > (b)))
#define haar_add_if(m, a, b) haar_add (a, (m) & (b))
#define haar_if(m, a) ((m) & (a))
#define HAAR_ZIP_16(a, b, n)                                                                       \
  __builtin_shufflevector (a, b, n, n + 8, n + 1, n + 9, n + 2, n + 10, n + 3, n + 11)
#define HAAR_ZIP_32(a, b, n)                                                                       \
  ((HaarVector) __builtin_shufflevector (                                                          \
      (HaarVector32) (a), (HaarVector32) (b), n, n + 4, n + 1, n + 5))
#define HAAR_ZIP_64(a, b, n)                                                                       \
  ((HaarVector) __builtin_shufflevector ((HaarVector64) (a), (HaarVector64) (b), n, n + 2))
#define haar_zip_low_16(a, b) HAAR_ZIP_16 (a, b, 0)
#define haar_zip_high_16(a, b) HAAR_ZIP_16 (a, b, 4)
#define haar_zip_low_32(a, b) HAAR_ZIP_32 (a, b, 0)
#define haar_zip_high_32(a, b) HAAR_ZIP_32 (a, b, 2)
#define haar_zip_low_64(a, b) HAAR_ZIP_64 (a, b, 0)
#define haar_zip_high_64(a, b) HAAR_ZIP_64 (a, b, 1)

static inline HaarVector
haar_load (const void *p)
{
  HaarVector v;

  memcpy (&v, p, sizeof v);
  return v;
}

static inline void
haar_store (void *p, HaarVector v)
{
  memcpy (p, &v, sizeof v);
}

static inline HaarVector
haar_load_pieces (const guint16 *const *p, gssize offset)
{
  return haar_load (p[0] + offset);
}

static inline HaarVector
haar_larger (HaarVector a, HaarVector b)
{
  HaarMask greater = haar_greater (a, b);

  return (greater & a) | (~greater & b);
}

#if defined(__SSE2__)
#define haar_sub_saturated(a, b) ((HaarVector) _mm_subs_epi16 ((__m128i) (a), (__m128i) (b)))
#define haar_multiply_high(a, b) ((HaarVector) _mm_mulhi_epi16 ((__m128i) (a), (__m128i) (b)))
#define haar_mask_bits(m)                                                                          \
  ((guint32) _mm_movemask_epi8 (_mm_packs_epi16 ((__m128i) (m), _mm_setzero_si128 ())))
#else
static inline HaarVector
haar_sub_saturated (HaarVector a, HaarVector b)
{
  for (gint i = 0; i < HAAR_LANES; i++)
    a[i] = (gint16) CLAMP ((gint32) a[i] - b[i], G_MININT16, G_MAXINT16);
  return a;
}

static inline HaarVector
haar_multiply_high (HaarVector a, HaarVector b)
{
  for (gint i = 0; i < HAAR_LANES; i++)
    a[i] = (gint16) (((gint32) a[i] * b[i]) >> 16);
  return a;
}

static inline guint32
haar_mask_bits (HaarMask m)
{
  guint32 bits = 0;

  for (gint i = 0; i < HAAR_LANES; i++)
    bits |= (guint32) (m[i] & 1) << i;
  return bits;
}
#endif

static inline HaarMask
haar_in_set (HaarVector numbers, const guint32 *set)
{
  HaarMask mask;

  for (gint i = 0; i < HAAR_LANES; i++)
    mask[i] = set[numbers[i] >> 5] >> (numbers[i] & 31) & 1 ? -1 : 0;
  return mask;
}

static inline void
haar_shrink (const gint16 *from, const gint32 *firsts, const guint32 *weights, gint n,
    gdouble scale, guint8 *to)
{
  for (gint i = 0; i < n; i++) {
    const gint16 *pair = from + firsts[i];
    gint32 sum = pair[0] * (gint32) (weights[i] & 0xffff) + pair[1] * (gint32) (weights[i] >> 16);

    to[i] = (guint8) ((sum + (1 << 23) + (1 << 15)) >> 16);
  }
}
#endif
