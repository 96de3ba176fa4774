  // Behaviour of the ECP5's block RAM, for the ports and parameters that yosys declares.
  //
  // 1024 rows of two bytes of nine bits. A word of 18 or 36 bits has its byte enables in the lowest
  // address bits; narrower words leave the ninth bit of a byte out, except words of nine bits. With
  // 36 bits, ports A and B are one: A writes both data inputs, B reads to both outputs. (Lattice,
  // ECP5 and ECP5-5G Memory User Guide, FPGA-TN-02204; initial values and widths as in yosys'
  // brams_map_16kd.v.)
  //
  // Both ports have one clock. What is read where the other port writes in the same cycle is
  // unknown; READBEFOREWRITE holds for a port's own write only.

  localparam [64 * 320 - 1:0] INITIAL = {
    INITVAL_3F, INITVAL_3E, INITVAL_3D, INITVAL_3C, INITVAL_3B, INITVAL_3A, INITVAL_39, INITVAL_38,
    INITVAL_37, INITVAL_36, INITVAL_35, INITVAL_34, INITVAL_33, INITVAL_32, INITVAL_31, INITVAL_30,
    INITVAL_2F, INITVAL_2E, INITVAL_2D, INITVAL_2C, INITVAL_2B, INITVAL_2A, INITVAL_29, INITVAL_28,
    INITVAL_27, INITVAL_26, INITVAL_25, INITVAL_24, INITVAL_23, INITVAL_22, INITVAL_21, INITVAL_20,
    INITVAL_1F, INITVAL_1E, INITVAL_1D, INITVAL_1C, INITVAL_1B, INITVAL_1A, INITVAL_19, INITVAL_18,
    INITVAL_17, INITVAL_16, INITVAL_15, INITVAL_14, INITVAL_13, INITVAL_12, INITVAL_11, INITVAL_10,
    INITVAL_0F, INITVAL_0E, INITVAL_0D, INITVAL_0C, INITVAL_0B, INITVAL_0A, INITVAL_09, INITVAL_08,
    INITVAL_07, INITVAL_06, INITVAL_05, INITVAL_04, INITVAL_03, INITVAL_02, INITVAL_01, INITVAL_00};
  localparam [13:0] WORD_A = DATA_WIDTH_A == 36 ? 31 : DATA_WIDTH_A == 18 ? 15 :
    DATA_WIDTH_A == 9 ? 7 : DATA_WIDTH_A - 1;
  localparam [13:0] WORD_B = DATA_WIDTH_B == 36 ? 31 : DATA_WIDTH_B == 18 ? 15 :
    DATA_WIDTH_B == 9 ? 7 : DATA_WIDTH_B - 1;

  reg [17:0] rows [0:1023];
  integer index;
  initial for (index = 0; index < 1024; index = index + 1)
    rows[index] = INITIAL[20 * index +: 18];

  wire [13:0] address_a = {ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3,
                           ADA2, ADA1, ADA0};
  wire [13:0] address_b = {ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3,
                           ADB2, ADB1, ADB0};
  wire [17:0] data_a = {DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7,
                        DIA6, DIA5, DIA4, DIA3, DIA2, DIA1, DIA0};
  wire [17:0] data_b = {DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7,
                        DIB6, DIB5, DIB4, DIB3, DIB2, DIB1, DIB0};
  wire selected_a = CEA && {CSA2, CSA1, CSA0} == 0;
  wire selected_b = CEB && {CSB2, CSB1, CSB0} == 0;
  // yosys may leave the write enable high and choose by the bytes' alone.
  wire writes_a = selected_a && WEA && some_byte(DATA_WIDTH_A, address_a[3:0]);
  wire writes_b = selected_b && WEB && some_byte(DATA_WIDTH_B, address_b[3:0]);
  wire same_word = ((address_a ^ address_b) & ~(WORD_A | WORD_B)) == 0;

  function some_byte(input integer width, input [3:0] enables);
    case (width)
      36: some_byte = enables != 0;
      18: some_byte = enables[1:0] != 0;
      default: some_byte = 1;
    endcase
  endfunction

  function [35:0] load(input integer width, input [13:0] address);
    case (width)
      36: load = {rows[{address[13:5], 1'b1}], rows[{address[13:5], 1'b0}]};
      18: load = rows[address[13:4]];
      9: load = rows[address[13:4]][9 * address[3] +: 9];
      4: load = rows[address[13:4]][9 * address[3] + 4 * address[2] +: 4];
      2: load = rows[address[13:4]][9 * address[3] + 2 * address[2:1] +: 2];
      default: load = rows[address[13:4]][9 * address[3] + address[2:0]];
    endcase
  endfunction

  task store(input integer width, input [13:0] address, input [35:0] data);
    case (width)
      36: begin
        if (address[0]) rows[{address[13:5], 1'b0}][8:0] <= data[8:0];
        if (address[1]) rows[{address[13:5], 1'b0}][17:9] <= data[17:9];
        if (address[2]) rows[{address[13:5], 1'b1}][8:0] <= data[26:18];
        if (address[3]) rows[{address[13:5], 1'b1}][17:9] <= data[35:27];
      end
      18: begin
        if (address[0]) rows[address[13:4]][8:0] <= data[8:0];
        if (address[1]) rows[address[13:4]][17:9] <= data[17:9];
      end
      9: rows[address[13:4]][9 * address[3] +: 9] <= data[8:0];
      4: rows[address[13:4]][9 * address[3] + 4 * address[2] +: 4] <= data[3:0];
      2: rows[address[13:4]][9 * address[3] + 2 * address[2:1] +: 2] <= data[1:0];
      default: rows[address[13:4]][9 * address[3] + address[2:0]] <= data[0];
    endcase
  endtask

  reg [35:0] latch_a = 0, latch_b = 0, output_a = 0, output_b = 0;

  always @(posedge CLKA) begin
    if (writes_a) store(DATA_WIDTH_A, address_a, {data_b, data_a});
    if (RSTA) latch_a <= 0;
    else if (selected_a && (!WEA || WRITEMODE_A == "READBEFOREWRITE"))
      latch_a <= writes_b && same_word ? 36'bx : load(DATA_WIDTH_A, address_a);
    else if (writes_a && WRITEMODE_A == "WRITETHROUGH") latch_a <= data_a;
    if (RSTA) output_a <= 0;
    else if (OCEA) output_a <= latch_a;
  end

  always @(posedge CLKB) begin
    if (writes_b) store(DATA_WIDTH_B, address_b, data_b);
    if (RSTB) latch_b <= 0;
    else if (selected_b && (!WEB || WRITEMODE_B == "READBEFOREWRITE"))
      latch_b <= writes_a && same_word ? 36'bx : load(DATA_WIDTH_B, address_b);
    else if (writes_b && WRITEMODE_B == "WRITETHROUGH") latch_b <= data_b;
    if (RSTB) output_b <= 0;
    else if (OCEB) output_b <= latch_b;
  end

  wire [35:0] given_a = REGMODE_A == "OUTREG" ? output_a : latch_a;
  wire [35:0] given_b = REGMODE_B == "OUTREG" ? output_b : latch_b;
  assign {DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5,
          DOA4, DOA3, DOA2, DOA1, DOA0} = DATA_WIDTH_B == 36 ? given_b[17:0] : given_a[17:0];
  assign {DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5,
          DOB4, DOB3, DOB2, DOB1, DOB0} = DATA_WIDTH_B == 36 ? given_b[35:18] : given_b[17:0];
